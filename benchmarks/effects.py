"""`audio.effects` beside bare pedalboard in the same blocks, and memory for long sound.

Both read the same WAV file and write a WAV file of floats, which must be equal to the bit. Bare pedalboard reads and
writes with soundfile on one thread, and hashes nothing. A studio also takes the source in, and stores and hashes the
result; it decodes and encodes beside the effects, and plays parts of the chain side by side, on other threads, so the
CPU seconds are printed too.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import paired
import pedalboard
import soundfile

from avstudio_core import Studio

RATE, BLOCK = 44_100, 1 << 15
NUMBERS = count()
CHAINS: dict[str, tuple[str, Any]] = {
    "4 effects": (
        "highpass 80, compressor -20 4, peak 3000 3, reverb 0.4",
        lambda: [
            pedalboard.HighpassFilter(80),
            pedalboard.Compressor(-20, 4, 5, 100),
            pedalboard.PeakFilter(3000, 3, 1),
            pedalboard.Reverb(0.4),
        ],
    ),
    "8 effects": (
        "highpass 80, noise_gate -55, compressor -20 4, low_shelf 200 2, high_shelf 8000 2, "
        "chorus, delay 0.3 0.3, reverb 0.4",
        lambda: [
            pedalboard.HighpassFilter(80),
            pedalboard.NoiseGate(-55, 10, 1, 100),
            pedalboard.Compressor(-20, 4, 5, 100),
            pedalboard.LowShelfFilter(200, 2, 0.707),
            pedalboard.HighShelfFilter(8000, 2, 0.707),
            pedalboard.Chorus(),
            pedalboard.Delay(0.3, 0.3, 0.5),
            pedalboard.Reverb(0.4),
        ],
    ),
}
MEMORY = """
import resource, sys
from pathlib import Path
from avstudio_core import Studio
with Studio(home=sys.argv[2], executor="inline", plugins="audio", media_seconds=0) as studio:
    studio.run("audio.effects", Path(sys.argv[1]), format="wav", chain=sys.argv[3])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def music(path: Path, seconds: int) -> Path:
    """Noise at changing levels, written piece by piece; each file is another one."""
    random = np.random.default_rng(next(NUMBERS))
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16") as file:
        for second in range(seconds):
            file.write(random.normal(0, 0.02 + 0.08 * abs(np.sin(second / 20)), (RATE, 2)))
    return path


def bare(path: Path, output: Path, effects: list[Any]) -> None:
    board = pedalboard.Pedalboard(effects)  # type: ignore[attr-defined]
    with soundfile.SoundFile(path) as source, soundfile.SoundFile(output, "w", RATE, 2, "FLOAT") as made:
        for block in source.blocks(BLOCK, dtype="float32", always_2d=True):
            made.write(board(block.T, RATE, reset=False).T)


def comparing(studio: Studio, folder: Path, seconds: int, pairs: int, name: str) -> None:
    expression, effects = CHAINS[name]
    path, output = music(folder / f"{name}.wav", seconds), folder / "bare.wav"

    def ours(more: str = "") -> Any:
        return studio.run("audio.effects", path, format="wav-float", tail=0, chain=expression + more)

    bare(path, output, effects())
    same = np.array_equal(soundfile.read(output)[0], soundfile.read(ours().sound.path)[0])
    print(f"{name}: the outputs are {'equal to the bit' if same else 'NOT EQUAL'}")
    first, second = paired.interleaved(
        # another chain each time, so that no result is reused
        lambda: paired.timed(lambda: ours(f", gain bypass start={next(NUMBERS)}")),
        lambda: paired.timed(lambda: bare(path, output, effects())),
        pairs,
    )
    print(f"audio.effects in a studio / pedalboard, {name}: {paired.ratio(first, second)}  (aim at most 1.02)")
    print(f"  seconds: {min(first):.2f} and {min(second):.2f}")
    began = time.process_time()
    ours(f", gain bypass start={next(NUMBERS)}")
    between = time.process_time()
    bare(path, output, effects())
    print(f"  CPU seconds: {between - began:.2f} and {time.process_time() - between:.2f}", flush=True)


def memory(folder: Path, minutes: int) -> None:
    sounds = {"1 s": music(folder / "short.wav", 1), f"{minutes} min": music(folder / "long.wav", 60 * minutes)}
    for length, path in sounds.items():
        chain = CHAINS["8 effects"][0]
        command = [sys.executable, "-c", MEMORY, str(path), str(folder / f"{next(NUMBERS)}"), chain]
        peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        print(f"8 effects in a studio, {length}: the process has {peak} MB at most  (aim at most 150)", flush=True)


def main() -> None:
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-audio", "pedalboard", "numpy")
    seconds, pairs, minutes = (60, 3, 10) if arguments.quick else (300, 11, 60)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        memory(folder, minutes)  # first: a new process counts the memory of the one that starts it
        with Studio(home=folder / "home", executor="inline", plugins="audio") as studio:
            for chain in CHAINS:
                comparing(studio, folder, seconds, pairs, chain)


if __name__ == "__main__":
    main()
