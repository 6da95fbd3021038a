"""Scenes beside PySceneDetect, frames beside OpenCV, and memory for long video (P6, P7).

Cut lists and pixels are compared first. The film is made here: shots of moving blocks and noise in 720p, with a
key frame every 250 frames. CPU seconds are those of all threads of this process.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import paired
import scenedetect

import avstudio_video
from avstudio_core import Studio

SIZE = (1280, 720)
NUMBERS = count()
MEMORY = """
import resource, sys
from pathlib import Path
from avstudio_core import Studio
with Studio(home=sys.argv[2], executor="inline", plugins="video", media_seconds=0) as studio:
    studio.run("video.analyze", Path(sys.argv[1]), analyses=["scenes", "black"])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
"""A program that prints the peak of its memory in MB."""


def film(path: Path, frames: int, size: tuple[int, int] = SIZE) -> Path:
    """Shots of 45 frames: blocks that move, with some noise."""
    dice, (width, height) = np.random.default_rng(next(NUMBERS)), size
    noise = dice.integers(0, 9, (height + 64, width + 64, 3), np.uint8)
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "veryfast", "g": "250", "sc_threshold": "0"}
        for number in range(frames):
            if number % 45 == 0:
                colours = dice.integers(0, 230, (8, 8, 3), np.uint8)
                blocks = colours.repeat(-(-height // 6), 0).repeat(-(-width // 6), 1)
            shift = number % 45
            picture = blocks[shift:, shift:][:height, :width] + noise[number % 64 :, number % 61 :][:height, :width]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def cost(work: Callable[[], object]) -> tuple[float, float]:
    """CPU and wall seconds of some work."""
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    work()
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def ours(studio: Studio, path: Path, detector: str) -> list[int]:
    found: Any = studio.run("video.analyze", path, detectors=[detector], min_scene=0.6, min_content=15.0)
    return [one.start_frame for one in found.scenes[1:]]


def theirs(path: Path, detector: str) -> list[int]:
    kinds = {"adaptive": scenedetect.AdaptiveDetector, "content": scenedetect.ContentDetector}
    manager = scenedetect.SceneManager()
    manager.add_detector(kinds[detector](min_scene_len=15))
    manager.detect_scenes(scenedetect.open_video(str(path)))
    return [start.frame_num for start, _ in manager.get_scene_list()[1:]]


def sparse(studio: Studio, path: Path, times: list[float]) -> Any:
    found: Any = studio.run("video.decode", path, times=times, format="npz")
    with np.load(found.frames["frames"].path) as file:
        return file["frames"]


def sequential(path: Path, numbers: set[int]) -> Any:
    capture = cv2.VideoCapture(str(path))
    kept = []
    for number in range(max(numbers) + 1):
        done, picture = capture.read()
        if done and number in numbers:
            kept.append(picture[..., ::-1])
    return np.stack(kept)


def compare(name: str, mine: Callable[[], object], other: Callable[[], object], pairs: int) -> None:
    """Print how many times as fast ours is, in CPU and in wall time."""
    first: list[tuple[float, float]] = []
    second: list[tuple[float, float]] = []
    for number in range(pairs):
        for ours_next in (True, False) if number % 2 else (False, True):
            (first if ours_next else second).append(cost(mine if ours_next else other))
    for kind, place in (("cpu", 0), ("wall", 1)):
        print(
            f"{name}, {kind}: {paired.ratio([one[place] for one in second], [one[place] for one in first])}", flush=True
        )


def main() -> None:
    quick = paired.arguments(__doc__).quick
    paired.headline("av", "opencv-python-headless", "scenedetect")
    with (
        tempfile.TemporaryDirectory() as folder,
        Studio(home=Path(folder) / "home", executor="inline", plugins="", add=[avstudio_video]) as studio,
    ):
        scenes(studio, Path(folder), 450 if quick else 1800, 3 if quick else 10)
        frames(studio, Path(folder), 3000 if quick else 15000, 3 if quick else 5)
        memory(Path(folder), 600 if quick else 3600)


def scenes(studio: Studio, folder: Path, length: int, pairs: int) -> None:
    path = film(folder / "film.mp4", length)
    copies = (copied(path, number) for number in count())
    for detector in ("adaptive", "content"):
        assert ours(studio, path, detector) == theirs(path, detector)

        def mine(detector: str = detector) -> object:
            return ours(studio, next(copies), detector)

        def other(detector: str = detector) -> object:
            return theirs(path, detector)

        compare(f"scenes ({detector}) / PySceneDetect", mine, other, pairs)


def frames(studio: Studio, folder: Path, length: int, pairs: int) -> None:
    path = film(folder / "long.mp4", length)
    copies = (copied(path, number) for number in count())
    numbers = [round((one + 0.5) * length / 60) for one in range(60)]
    times = [number / 25 + 0.01 for number in numbers]
    assert (sparse(studio, next(copies), times[:6]) == sequential(path, {*numbers[:6]})).all()
    name = f"60 frames of {length / 25:.0f} s / OpenCV from the start"
    compare(name, lambda: sparse(studio, next(copies), times), lambda: sequential(path, {*numbers}), pairs)


def memory(folder: Path, longest: int) -> None:
    for seconds in (60, longest):
        path = film(folder / f"{seconds}.mp4", 25 * seconds, (320, 180))
        program = [sys.executable, "-c", MEMORY, str(path), str(folder / "other")]
        done = subprocess.run(program, capture_output=True, text=True, check=True)
        print(f"memory, {seconds} s of video: {done.stdout.strip()} MB", flush=True)


def copied(path: Path, number: int) -> Path:
    """The same film with a box after its end that players skip, so that no earlier result answers for it."""
    copy = path.with_name(f"{path.stem}-{number}{path.suffix}")
    copy.write_bytes(path.read_bytes() + (16).to_bytes(4) + b"free" + number.to_bytes(8))
    return copy


if __name__ == "__main__":
    main()
