"""P3: twenty short jobs on a warm studio beside twenty starts of a program that uses the bare library; run in turns.

All clips have 5 s and are new in each round. The studio gets all jobs at once, and its worker has its model loaded. The
programs run one after another, as a loop in a shell runs them: each imports its library and loads its model. Both sides
have the same number of threads, and must find the same stems, or nearly the same words. The library alone, in one
process with its model loaded, shows how much of our time for transcriptions is Whisper's own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import paired
import soundfile
from numpy.typing import NDArray
from transcription import alike

from avstudio_audio.media.decode import decode
from avstudio_core import Studio

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SPEECH = (DATA / "jfk.flac", DATA / "nasa_13013.mp4")
RATE, SECONDS, JOBS = 44_100, 5, 20
NUMBERS = count()
TRANSCRIBE = """
import sys
from faster_whisper import WhisperModel
model = WhisperModel(sys.argv[1], device="cpu", compute_type="int8")
segments, _ = model.transcribe(sys.argv[2], language="en", beam_size=5, word_timestamps=True)
print(" ".join(one.text.strip() for one in segments))
"""
SEPARATE = """
import sys
from pathlib import Path
import soundfile
from avstudio_audio.separation.engine import Options
from avstudio_audio.separation.spleeter import Spleeter
data, rate = soundfile.read(sys.argv[2], dtype="float32", always_2d=True)
engine = Spleeter.load(Path(sys.argv[1]))
stems = engine.separate(data.T, Options(), progress=lambda part: None, cancelled=lambda: False)
for name, stem in stems.items():
    soundfile.write(sys.argv[2] + f".{name}.wav", stem.T, rate, subtype="FLOAT")
"""


def clips(folder: Path) -> list[Path]:
    """Parts of recordings of speech; a last sample of their own makes each of them new."""
    sound = np.concatenate([decode(path, rate=RATE, channels=2).data.T for path in SPEECH])
    step = (len(sound) - SECONDS * RATE) // JOBS
    return [_saved(folder, sound[at * step : at * step + SECONDS * RATE].copy()) for at in range(JOBS)]


def _saved(folder: Path, data: NDArray[np.float32]) -> Path:
    data[-1] = next(NUMBERS) / 32_768
    path = folder / f"{next(NUMBERS)}.wav"
    soundfile.write(path, data, RATE, subtype="PCM_16")
    return path


def programs(program: str, model: Path, paths: Sequence[Path]) -> list[str]:
    """What a program prints for each of the clips, started for one after another."""
    return [
        subprocess.run(
            [sys.executable, "-c", program, str(model), str(path)], check=True, capture_output=True, text=True
        ).stdout.strip()
        for path in paths
    ]


def transcripts(studio: Studio, paths: Sequence[Path]) -> list[str]:
    handles = [studio.submit("audio.transcribe", path, language="en") for path in paths]
    return [handle.result().text.strip() for handle in handles]


def stems(studio: Studio, paths: Sequence[Path]) -> list[Path]:
    """The vocals of each of the clips."""
    handles = [studio.submit("audio.separate", path, format="wav-float") for path in paths]
    return [handle.result().stems["vocals"].path for handle in handles]


def ratio(
    folder: Path, ours: Callable[[Sequence[Path]], object], theirs: Callable[[Sequence[Path]], object], pairs: int
) -> paired.Ratio:
    return paired.ratio(
        *paired.interleaved(
            lambda: paired.timed(partial(ours, clips(folder))),
            lambda: paired.timed(partial(theirs, clips(folder))),
            pairs,
        )
    )


def transcription(studio: Studio, folder: Path, pairs: int) -> paired.Ratio:
    ours, theirs = partial(transcripts, studio), partial(programs, TRANSCRIBE, studio.shelf.folder("whisper-base"))
    same = clips(folder)
    words = alike(" ".join(ours(same)), " ".join(theirs(same)))
    assert words > 0.9, f"the outputs differ: {words:.1%} of the words are alike"  # each resamples in its own way
    return ratio(folder, ours, theirs, pairs)


def library(studio: Studio, folder: Path, pairs: int) -> paired.Ratio:
    """The time of the bare library with a loaded model over that of the programs."""
    from faster_whisper import WhisperModel

    weights = studio.shelf.folder("whisper-base")
    model = WhisperModel(str(weights), device="cpu", compute_type="int8")

    def transcribed(paths: Sequence[Path]) -> list[str]:
        sounds = [decode(path, rate=16_000, channels=1).data[0] for path in paths]
        found = [model.transcribe(one, language="en", beam_size=5, word_timestamps=True)[0] for one in sounds]
        return [" ".join(one.text.strip() for one in segments) for segments in found]

    return ratio(folder, transcribed, partial(programs, TRANSCRIBE, weights), pairs)


def separation(studio: Studio, folder: Path, pairs: int) -> paired.Ratio:
    ours, theirs = partial(stems, studio), partial(programs, SEPARATE, studio.shelf.folder("spleeter-2stems"))
    same = clips(folder)
    found = ours(same)
    theirs(same)
    for path, vocals in zip(same, found, strict=True):
        np.testing.assert_allclose(soundfile.read(vocals)[0], soundfile.read(f"{path}.vocals.wav")[0], atol=1e-5)
    return ratio(folder, ours, theirs, pairs)


def main() -> None:
    arguments = paired.arguments(__doc__, only="transcription, separation or library")
    paired.headline("avstudio-core", "faster-whisper", "torch")
    if not all(path.exists() for path in SPEECH):
        raise SystemExit(f"This benchmark needs the recordings of speech in '{DATA}'.")
    pairs = 2 if arguments.quick else 8
    with tempfile.TemporaryDirectory() as home, Studio(home=home, own=True) as studio:
        for work in (transcription, separation, library):
            if arguments.only in (None, work.__name__):
                found = work(studio, Path(home), pairs)
                print(f"{work.__name__}, {JOBS} × {SECONDS} s: warm / programs {found}  (aim 0.35)", flush=True)


if __name__ == "__main__":
    main()
