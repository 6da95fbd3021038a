"""Transcription: our engine over bare faster-whisper, and batches over one window after the other; run in turns.

Whisper base, int8, beam 5, times of words, two minutes of speech, in a process with its model loaded.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import paired
from numpy.typing import NDArray

from avstudio_audio.media.decode import decode
from avstudio_audio.speech.options import Options
from avstudio_audio.speech.spans import RATE
from avstudio_audio.speech.whisper import Whisper
from avstudio_core import Studio
from avstudio_core.documents.transcript import Transcript

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SPEECH = (DATA / "jfk.flac", DATA / "nasa_13013.mp4")
SECONDS = 125.0
OPTIONS = Options(language="en")


def speech(seconds: float) -> NDArray[np.float32]:
    """So many seconds of recordings of speech, with half a second between them."""
    pause = np.zeros(RATE // 2, np.float32)
    parts = [part for path in SPEECH for part in (decode(path, rate=RATE, channels=1).data[0], pause)]
    once = np.concatenate(parts)
    return np.resize(once, round(seconds * RATE))


def transcribed(whisper: Whisper, sound: NDArray[np.float32], options: Options) -> Transcript:
    return whisper.transcribe(sound, options, progress=lambda part: None, cancelled=lambda: False)


def alike(one: str, other: str) -> float:
    """The part of the words that two texts have in common, in order."""
    first, second = (re.findall(r"[\w']+", text.lower()) for text in (one, other))
    return SequenceMatcher(None, first, second, autojunk=False).ratio()


def overhead(folder: Path, sound: NDArray[np.float32], pairs: int) -> tuple[paired.Ratio, paired.Ratio]:
    """The time of our engine over that of the library, for the same text; and its processor time."""
    from faster_whisper import WhisperModel

    whisper = Whisper.load(folder, compute_type="int8")
    bare = WhisperModel(str(folder), device="cpu", compute_type="int8")

    def ours() -> str:
        return transcribed(whisper, sound, OPTIONS).text

    def theirs() -> str:
        found, _ = bare.transcribe(sound, language="en", beam_size=5, word_timestamps=True)
        return " ".join(one.text.strip() for one in found)

    same = alike(ours(), theirs())
    assert same > 0.97, f"the outputs differ: {same:.1%} of the words are alike"  # features differ by rounding
    times = paired.interleaved(lambda: paired.timed(ours), lambda: paired.timed(theirs), pairs)
    return paired.ratio(*times), paired.processor_time(ours, theirs, pairs)


def batches(folder: Path, sound: NDArray[np.float32], pairs: int) -> tuple[paired.Ratio, float]:
    """The time of one window after the other over that of batches, and the part of the words that both have."""
    whisper = Whisper.load(folder, compute_type="int8")
    batched = replace(OPTIONS, mode="batched")
    shared = alike(*(transcribed(whisper, sound, options).text for options in (OPTIONS, batched)))
    ratio = paired.ratio(
        *paired.interleaved(
            lambda: paired.timed(lambda: transcribed(whisper, sound, OPTIONS)),
            lambda: paired.timed(lambda: transcribed(whisper, sound, batched)),
            pairs,
        )
    )
    return ratio, shared


def main() -> None:
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-audio", "faster-whisper", "ctranslate2")
    if not all(path.exists() for path in SPEECH):
        raise SystemExit(f"This benchmark needs the recordings of speech in '{DATA}'.")
    sound = speech(SECONDS)
    pairs = 2 if arguments.quick else 8
    with tempfile.TemporaryDirectory() as home, Studio(home=home, executor="inline") as studio:
        folder = studio.shelf.folder("whisper-base")
        wall, processor = overhead(folder, sound, pairs)
        print(f"engine / bare, {SECONDS:g} s: {wall}  (aim 1.02); processor time {processor}", flush=True)
        ratio, shared = batches(folder, sound, pairs)
        print(f"one by one / batches, {SECONDS:g} s: {ratio}  (aim 1.5); words alike: {shared:.1%}")


if __name__ == "__main__":
    main()
