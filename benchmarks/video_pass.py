"""One pass of `video.analyze` beside separate tools: loudness, waveform, scenes, 20 pictures, a 16 kHz track (P8).

The separate tools are PySceneDetect, OpenCV, and two command lines and a filter of FFmpeg, one after the other, as a
script would run them. Cut lists, loudness and sound are compared first. CPU seconds are those of this process and of
the programs that it starts.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import tempfile
import time
import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import paired
import video

import avstudio_video
from avstudio_core import Studio

RATE, SPEECH = 48_000, 16_000
PICTURES = 20
DELAY = 800
"""Samples by which the sound of FFmpeg's command line may be later or earlier."""


def with_sound(source: Path, target: Path, seconds: int) -> Path:
    """The same film with a sound of noise whose level changes, as AAC."""
    dice = np.random.default_rng(0)
    with av.open(str(source)) as film, av.open(str(target), "w") as file:
        copy = file.add_stream_from_template(film.streams.video[0])
        track: Any = file.add_stream("aac", rate=RATE)
        track.layout = "stereo"
        for second in range(seconds):
            noise = dice.standard_normal((2, RATE)).astype(np.float32) * (0.02 + 0.1 * (second % 7))
            frame: Any = av.AudioFrame.from_ndarray(np.clip(noise, -1, 1), "fltp", "stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE, second * RATE, Fraction(1, RATE)
            file.mux(track.encode(frame))
        file.mux(track.encode(None))
        for packet in film.demux(video=0):
            if packet.dts is not None:
                packet.stream = copy
                file.mux(packet)
    return target


def ours(studio: Studio, path: Path) -> tuple[list[int], float, Any]:
    wanted = ["scenes", "loudness", "waveform", "speech"]
    made: Any = studio.run("video.analyze", path, analyses=wanted, detectors=["adaptive"], contact_sheet=PICTURES)
    return [one.start_frame for one in made.scenes[1:]], made.loudness.integrated, samples(made.speech.path)


def theirs(path: Path, seconds: float, folder: Path) -> tuple[list[int], float, Any]:
    cuts = video.theirs(path, "adaptive")
    capture = cv2.VideoCapture(str(path))
    for number in range(PICTURES):
        capture.set(cv2.CAP_PROP_POS_MSEC, (number + 0.5) * 1000 * seconds / PICTURES)
        _, picture = capture.read()
        cv2.imwrite(str(folder / f"{number}.jpg"), cv2.resize(picture, (320, 180), interpolation=cv2.INTER_AREA))
    heard = ffmpeg("-i", str(path), "-vn", "-af", "ebur128=peak=true", "-f", "null", "-")
    speech = folder / "speech.wav"
    ffmpeg("-y", "-i", str(path), "-vn", "-ac", "1", "-ar", "16000", str(speech))
    ffmpeg("-y", "-i", str(path), "-vn", "-lavfi", "showwavespic", "-frames:v", "1", str(folder / "wave.png"))
    loudness = re.findall(r"I:\s+(-?[\d.]+) LUFS", heard)[-1]
    return cuts, float(loudness), samples(speech)


def samples(path: Path) -> Any:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (1, SPEECH)
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(float)


def difference(one: Any, other: Any) -> float:
    """The part of a sound that is not in the other one, which FFmpeg may begin with the delay of the encoder."""
    lags = range(-DELAY, DELAY + 1)
    short = one[DELAY : DELAY + 4 * SPEECH]
    late = max(lags, key=lambda lag: float(short @ other[DELAY + lag :][: len(short)]))
    first, second = one[max(0, -late) :], other[max(0, late) :]
    length = min(len(first), len(second))
    assert length > max(len(one), len(other)) - 2 * DELAY, (len(one), len(other))
    return float(np.std(first[:length] - second[:length]) / np.std(first[:length]))


def ffmpeg(*arguments: str) -> str:
    return subprocess.run(["ffmpeg", "-hide_banner", *arguments], capture_output=True, text=True, check=True).stderr


def cost(work: Callable[[], object]) -> tuple[float, float]:
    """CPU and wall seconds of some work and of the programs that it starts."""
    before, began = used(), time.perf_counter()
    work()
    return used() - before, time.perf_counter() - began


def used() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


def main() -> None:
    quick = paired.arguments(__doc__).quick
    seconds, pairs = (30, 2) if quick else (300, 5)
    paired.headline("av", "opencv-python-headless", "scenedetect-headless")
    print(f"load of the machine: {os.getloadavg()[0]:.1f}", flush=True)
    with (
        tempfile.TemporaryDirectory() as name,
        Studio(home=Path(name) / "home", executor="inline", plugins="", add=[avstudio_video]) as studio,
    ):
        folder = Path(name)
        path = with_sound(video.film(folder / "film.mp4", 25 * seconds), folder / "both.mp4", seconds)
        copies = iter([video.copied(path, number) for number in range(pairs + 1)])
        (cuts, loud, speech), (their_cuts, their_loud, their_speech) = (
            ours(studio, next(copies)),
            theirs(path, seconds, folder),
        )
        assert cuts == their_cuts
        assert abs(loud - their_loud) <= 0.1, (loud, their_loud)
        assert (found := difference(speech, their_speech)) < 0.01, found
        costs: list[list[tuple[float, float]]] = [[], []]
        for number in range(pairs):
            for which in (0, 1) if number % 2 else (1, 0):
                work = (lambda: theirs(path, seconds, folder)) if which else (lambda: ours(studio, next(copies)))
                costs[which].append(cost(work))
        for kind, place in (("cpu", 0), ("wall", 1)):
            mine, other = ([one[place] for one in each] for each in costs)
            print(f"one pass / separate tools, {kind}: {paired.ratio(mine, other)}", flush=True)


if __name__ == "__main__":
    main()
