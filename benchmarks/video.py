"""Scenes beside PySceneDetect, frames beside OpenCV, PyAV and torchcodec, and memory for long video (P6, P7).

Cut lists and pixels are compared first. The film is made here: shots of moving blocks and noise in 720p, with a
key frame every 250 frames. With `--film`, frames are those of a real video, repeated, in 720p by x264's usual
settings; memory is always measured with the film that is made. CPU seconds are those of
all threads of this process.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import paired
import scenedetect

import avstudio_video
from avstudio_core import Studio
from avstudio_video.frames.decoder import Decoder
from avstudio_video.frames.picture import Shape
from avstudio_video.frames.reader import Source
from avstudio_video.media.cores import usable_cores
from avstudio_video.media.indexed import index_stream
from avstudio_video.media.limits import USUAL

SIZE = (1280, 720)
RATE = 48_000
NUMBERS = count()
MEMORY = """
import resource, sys
from pathlib import Path
from avstudio_core import Studio
with Studio(home=sys.argv[2], executor="inline", plugins="video", media_seconds=0) as studio:
    film, analyses = Path(sys.argv[1]), "scenes look black freeze letterbox keyframes silence loudness waveform speech"
    studio.run("video.analyze", film, analyses=analyses.split(), thumbnails=1, contact_sheet=20)
    studio.run("video.decode", film, count=60, format="npz")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
"""A program that prints the peak of its memory in MB."""


def film(path: Path, frames: int, size: tuple[int, int] = SIZE, rate: int = 25) -> Path:
    """Shots of 45 frames: blocks that move, with some noise."""
    dice, (width, height) = np.random.default_rng(next(NUMBERS)), size
    noise = dice.integers(0, 9, (height + 64, width + 64, 3), np.uint8)
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "veryfast", "g": "250", "sc_threshold": "0"}
        for number in range(frames):
            if number % 45 == 0:
                colours = dice.integers(0, 230, (8, 8, 3), np.uint8)
                blocks = colours.repeat(-(-height // 6), 0).repeat(-(-width // 6), 1)
            shift = number % 45
            picture = blocks[shift:, shift:][:height, :width] + noise[number % 64 :, number % 61 :][:height, :width]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
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


def sparse(studio: Studio, path: Path, numbers: list[int]) -> Any:
    times = [number / 30 + 0.01 for number in numbers]
    found: Any = studio.run("video.decode", path, times=times, format="npz")
    assert [(one.index, round(one.time * 30, 6)) for one in found.index] == [(number, number) for number in numbers]
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
    given = paired.arguments(__doc__, only="'scenes', 'frames' or 'memory'", film="a video for 'scenes' and 'frames'")
    quick = given.quick
    paired.headline("av", "opencv-python-headless", "scenedetect-headless")
    with (
        tempfile.TemporaryDirectory() as folder,
        Studio(home=Path(folder) / "home", executor="inline", plugins="", add=[avstudio_video]) as studio,
    ):
        if given.only in (None, "scenes"):
            scenes(studio, Path(folder), given.film, 1800 if quick else 5400, 3 if quick else 10)
        if given.only in (None, "frames"):
            frames(studio, Path(folder), given.film, 3000 if quick else 18000, 5)
        if given.only in (None, "memory"):
            memory(Path(folder), 200 if quick else 3600)


def scenes(studio: Studio, folder: Path, real: str | None, length: int, pairs: int) -> None:
    path = repeated(Path(real), folder / "film.mp4", length, 25) if real else film(folder / "film.mp4", length)
    copies = (copied(path, number) for number in count())
    for detector in ("adaptive", "content"):
        compare_scenes(f"scenes ({detector}) / PySceneDetect", studio, copies, path, detector, pairs)
    with Studio(home=folder / "alone", executor="inline", plugins="", add=[avstudio_video], threads=1) as alone:
        compare_scenes("scenes (adaptive) by one decoder / the same", alone, copies, path, "adaptive", pairs)


def compare_scenes(name: str, studio: Studio, copies: Iterator[Path], path: Path, detector: str, pairs: int) -> None:
    assert ours(studio, path, detector) == theirs(path, detector)
    made = iter([*islice(copies, pairs)])
    os.sync()  # or the copies are written to the disk while the first pairs run
    compare(name, lambda: ours(studio, next(made), detector), lambda: theirs(path, detector), pairs)


def frames(studio: Studio, folder: Path, real: str | None, length: int, pairs: int) -> None:
    short = repeated(Path(real), folder / "short.mp4", 1500) if real else film(folder / "short.mp4", 1500, rate=30)
    few_frames(studio, folder, looped(short, folder / "long.mp4", length // 1500), [*range(150, length, 300)], pairs)
    all_frames(short, pairs)


def few_frames(studio: Studio, folder: Path, path: Path, numbers: list[int], pairs: int) -> None:
    """One of 300 frames: 60 of ten minutes."""
    assert (sparse(studio, path, numbers) == sequential(path, {*numbers})).all()
    assert (our_few(path, numbers) == sequential(path, {*numbers})).all()
    theirs = partial(sequential, path, {*numbers})
    for cores in sorted({1, usable_cores(0)}):
        home = folder / f"{cores}"
        with pinned(cores), Studio(home=home, executor="inline", plugins="", add=[avstudio_video]) as one:
            copies = iter([copied(path, number + cores * pairs) for number in range(pairs)])
            os.sync()
            name = f"{len(numbers)} frames on {cores} cores"
            ours = partial(lambda one, copies: sparse(one, next(copies), numbers), one, copies)
            compare(f"{name}, a whole task / OpenCV from the start", ours, theirs, pairs)
            compare(f"{name}, the reader alone / the same", partial(our_few, path, numbers), theirs, pairs)


def all_frames(path: Path, pairs: int) -> None:
    readers = {"OpenCV": opencv_frames, "PyAV": pyav_frames, "torchcodec": torchcodec_frames}
    for other, read in readers.items():
        if other == "torchcodec" and not find_spec("torchcodec"):
            continue
        assert all((one == two).all() for one, two in zip(our_frames(path), read(path), strict=True))
        compare(f"all frames as RGB / {other}", partial(exhaust, our_frames, path), partial(exhaust, read, path), pairs)


@contextmanager
def pinned(cores: int) -> Iterator[None]:
    """Threads that start meanwhile, and this one, run on so many cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {*sorted(before)[:cores]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def exhaust(read: Callable[[Path], Iterator[Any]], path: Path) -> int:
    return sum(1 for _ in read(path))


def our_frames(path: Path, numbers: list[int] | None = None) -> Iterator[Any]:
    """All frames of a file, or those with some numbers."""
    stream = index_stream(path, None, USUAL, lambda: None)
    place = Source(path, stream.number, stream.video_number, stream.index, USUAL, lambda: None)
    decoder = Decoder(place, SIZE, Shape(), "pyav", lambda code, message: None)
    shown = stream.index.shown
    return (pixels for _, pixels in decoder.pictures(shown if numbers is None else [shown[one] for one in numbers]))


def our_few(path: Path, numbers: list[int]) -> Any:
    return np.stack([*our_frames(path, numbers)])


def opencv_frames(path: Path) -> Iterator[Any]:
    capture = cv2.VideoCapture(str(path))
    while (found := capture.read())[0]:
        yield found[1][..., ::-1]


def pyav_frames(path: Path) -> Iterator[Any]:
    with av.open(str(path)) as file:
        file.streams.video[0].thread_type = "AUTO"
        for frame in file.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def torchcodec_frames(path: Path) -> Iterator[Any]:
    decoders: Any = import_module("torchcodec.decoders")
    decoder = decoders.VideoDecoder(str(path), dimension_order="NHWC", num_ffmpeg_threads=usable_cores(0))
    return (decoder.get_frame_at(number).data.numpy() for number in range(len(decoder)))


def repeated(path: Path, target: Path, frames: int, rate: int = 30) -> Path:
    """So many frames of a video, again and again, with a key frame every 250 frames."""
    with av.open(str(path)) as source:
        best: Any = source.streams.best("video")
        shown: Iterator[Any] = source.decode(best)
        pictures = [one.reformat(*SIZE, "yuv420p") for one in shown]
    with av.open(str(target), "w") as file:
        stream: Any = file.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.options = {"g": "250", "sc_threshold": "0"}
        for number, picture in enumerate(islice(cycle(pictures), frames)):
            picture.pts, picture.time_base, picture.pict_type = number, Fraction(1, rate), 0
            file.mux(stream.encode(picture))
        file.mux(stream.encode(None))
    return target


def looped(path: Path, target: Path, times: int, *, sound: bool = False) -> Path:
    """The same packets so many times, one after the other; with noise on request."""
    with av.open(str(target), "w") as file:
        copy: Any = None
        track: Any = file.add_stream("aac", rate=RATE) if sound else None
        for number in range(times):
            with av.open(str(path)) as source:
                stream: Any = source.streams.video[0]
                copy = copy or file.add_stream_from_template(stream)
                later = number * stream.duration
                for packet in source.demux(stream):
                    if packet.dts is not None:
                        packet.pts, packet.dts, packet.stream = packet.pts + later, packet.dts + later, copy
                        file.mux(packet)
                if track:
                    file.mux(track.encode(noise(later * stream.time_base, stream.duration * stream.time_base)))
        if track:
            file.mux(track.encode(None))
    return target


def noise(start: Fraction, length: Fraction) -> av.AudioFrame:
    """Sound in mono, with a silent second half."""
    samples = np.random.default_rng(0).normal(0, 0.1, (1, int(length * RATE))).astype(np.float32)
    samples[:, samples.shape[1] // 2 :] = 0
    frame = av.AudioFrame.from_ndarray(samples, "fltp", "mono")
    frame.sample_rate, frame.pts, frame.time_base = RATE, int(start * RATE), Fraction(1, RATE)
    return frame


def memory(folder: Path, longest: int) -> None:
    short = film(folder / "short.mp4", 1500, rate=30)
    for seconds in (50, longest):
        path = looped(short, folder / f"{seconds}.mp4", seconds // 50, sound=True)
        program = [sys.executable, "-c", MEMORY, str(path), str(folder / "other")]
        done = subprocess.run(program, capture_output=True, text=True, check=True)
        print(f"memory, {seconds} s of 720p: {done.stdout.strip()} MB", flush=True)


def copied(path: Path, number: int) -> Path:
    """The same film with a box after its end that players skip, so that no earlier result answers for it."""
    copy = path.with_name(f"{path.stem}-{number}{path.suffix}")
    copy.write_bytes(path.read_bytes() + (16).to_bytes(4) + b"free" + number.to_bytes(8))
    return copy


if __name__ == "__main__":
    main()
