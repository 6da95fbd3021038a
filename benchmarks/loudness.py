"""Measuring loudness beside FFmpeg's `ebur128`, normalizing beside two passes of `loudnorm`, and memory for long sound.

FFmpeg's filters run in this process, through PyAV. All sides read the same WAV file, and both normalized files are
measured and compared first.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import av
import av.filter
import numpy as np
import paired
import soundfile

from avstudio_audio.file_levels import Measured, measured
from avstudio_audio.media.limits import Limits
from avstudio_core import Studio

RATE = 48_000
TARGET, CEILING = -16.0, -1.0
NUMBERS = count()
MEMORY = {
    "measuring": """
import resource, sys
from pathlib import Path
from avstudio_audio.file_levels import measured
from avstudio_audio.media.limits import Limits
measured(Path(sys.argv[1]), warn=print, limits=Limits(0, 0))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
""",
    "normalizing in a studio": """
import resource, sys
from pathlib import Path
from avstudio_core import Studio
with Studio(home=sys.argv[2], executor="inline", plugins="audio", media_seconds=0) as studio:
    studio.run("audio.normalize", Path(sys.argv[1]), format="wav")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
""",
}
"""Programs that print the peak of their memory in MB."""


def music(path: Path, seconds: int) -> Path:
    """Noise in the rhythm of music, at changing levels, written piece by piece; each file is another one."""
    random = np.random.default_rng(next(NUMBERS))
    beats = np.tile(np.exp(-np.arange(RATE // 2) / 6_000) + 0.3, 2)[:, None]
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16") as file:
        for second in range(seconds):
            level = 0.02 + 0.08 * abs(np.sin(second / 20))
            file.write(random.normal(0, level, (RATE, 2)) * beats)
    return path


def by_ffmpeg(path: Path, filter: str, options: str, output: Path | None = None) -> dict[str, str]:
    """Run a filter over a file, write its sound if that is wanted, and return its last metadata."""
    last: dict[str, str] = {}
    file = soundfile.SoundFile(output, "w", RATE, 2, "PCM_16") if output else None
    with av.open(str(path)) as container:
        graph = av.filter.Graph()
        source = graph.add_abuffer(template=container.streams.audio[0])
        after = [graph.add("aformat", f"sample_fmts=s16:sample_rates={RATE}")] if output else []
        graph.link_nodes(source, graph.add(filter, options), *after, graph.add("abuffersink")).configure()
        for frame in _frames(container):
            graph.push(frame)
            for made in _pulled(graph):
                last = dict(made.metadata) or last
                if file:
                    file.write(made.to_ndarray().reshape(-1, 2))
    if file:
        file.close()
    return last


def _frames(container: Any) -> Iterator[Any]:
    yield from container.decode(container.streams.audio[0])
    yield None


def _pulled(graph: av.filter.Graph) -> Iterator[Any]:
    while True:
        try:
            yield graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return


def by_us(path: Path) -> Measured:
    return measured(path, warn=print, limits=Limits(0, 0))


def two_passes(path: Path, output: Path) -> None:
    """What ffmpeg-normalize does; the first pass measures, and the second one gets what it measured."""
    target = f"I={TARGET}:TP={CEILING}:LRA=20"
    by_ffmpeg(path, "loudnorm", target)
    found = READINGS.setdefault(path, by_us(path).reading)  # FFmpeg prints them to its log only
    known = f"measured_I={found.integrated}:measured_TP={found.true_peak}:measured_LRA={found.range}"
    by_ffmpeg(path, "loudnorm", f"{target}:{known}:measured_thresh={found.threshold}:linear=true", output)


READINGS: dict[Path, Any] = {}


def measuring(path: Path, pairs: int) -> None:
    ours, theirs = by_us(path).reading, by_ffmpeg(path, "ebur128", "metadata=1:peak=true")
    print(f"integrated: {ours.integrated:.2f} LUFS, ebur128 {float(theirs['lavfi.r128.I']):.2f}")
    print(f"range: {ours.range:.2f} LU, ebur128 {float(theirs['lavfi.r128.LRA']):.2f}")
    for options in ("metadata=1:peak=true", "metadata=1"):
        bare = partial(by_ffmpeg, path, "ebur128", options)
        first, second = paired.interleaved(
            lambda: paired.timed(lambda: by_us(path)), partial(paired.timed, bare), pairs
        )
        print(f"measuring with true peak / ebur128={options}: {paired.ratio(first, second)}  (aim at most 1.00)")
        print(f"  seconds: {min(first):.2f} and {min(second):.2f}")
        print(f"  processor time: {paired.processor_time(lambda: by_us(path), bare, pairs)}")


def normalizing(studio: Studio, folder: Path, seconds: int, pairs: int) -> None:
    path = music(folder / "compared.wav", seconds)
    result = studio.run("audio.normalize", path, format="wav", target=TARGET, ceiling=CEILING)
    two_passes(path, folder / "loudnorm.wav")
    theirs = by_us(folder / "loudnorm.wav").reading.integrated
    print(f"normalized to {result.after.integrated:.2f} LUFS, loudnorm {theirs:.2f}")

    def ours() -> float:
        source = music(folder / f"{next(NUMBERS)}.wav", seconds)
        return paired.timed(lambda: studio.run("audio.normalize", source, format="wav", target=TARGET))

    first, second = paired.interleaved(
        ours, lambda: paired.timed(lambda: two_passes(path, folder / "loudnorm.wav")), pairs
    )
    print(f"audio.normalize / two passes of loudnorm: {paired.ratio(first, second)}  (aim at most 0.20)")
    print(f"  seconds: {min(first):.2f} and {min(second):.2f}")


def memory(folder: Path, minutes: int) -> None:
    sounds = {"1 s": music(folder / "short.wav", 1), f"{minutes} min": music(folder / "long.wav", 60 * minutes)}
    for work, program in MEMORY.items():
        for length, path in sounds.items():
            command = [sys.executable, "-c", program, str(path), str(folder / f"{next(NUMBERS)}")]
            peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
            print(f"{work}, {length}: the process has {peak} MB at most  (aim at most 120)", flush=True)


def main() -> None:
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-audio", "av", "numpy")
    seconds, pairs, minutes = (60, 3, 10) if arguments.quick else (300, 11, 60)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        memory(folder, minutes)  # first: a new process counts the memory of the one that starts it
        measuring(music(folder / "measured.wav", seconds), pairs)
        with Studio(home=folder / "home", executor="inline", plugins="audio") as studio:
            normalizing(studio, folder, seconds, pairs)


if __name__ == "__main__":
    main()
