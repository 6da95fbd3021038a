"""What flows through a chain of effects: frames and samples, each with its time in the source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

from avstudio_video.encoding.video_track import VideoShape

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Shown:
    """A frame on the screen from `start` to `end`, which shows the time of the source from `since` to `until`.

    All in seconds. A frame that runs backwards has a later `since` than `until`.
    """

    frame: VideoFrame
    start: Fraction
    end: Fraction
    since: Fraction
    until: Fraction

    def source_time(self, time: Fraction) -> Fraction:
        """The time of the source that is shown at a time."""
        return self.since + (time - self.start) * (self.until - self.since) / (self.end - self.start)

    def within(self, low: Fraction, high: Fraction) -> Shown | None:
        """The part of it that shows the source between two times; `None` if there is none."""
        first, last = sorted((self.since, self.until))
        kept = max(low, first), min(high, last)
        if kept[0] >= kept[1]:
            return None
        since, until = kept if self.since <= self.until else kept[::-1]
        pace = (self.end - self.start) / (self.until - self.since)
        start = self.start + (since - self.since) * pace
        return replace(self, start=start, end=start + (until - since) * pace, since=since, until=until)

    def moved(self, start: Fraction) -> Shown:
        """The same from another time on."""
        return replace(self, start=start, end=start + self.end - self.start)

    def with_frame(self, frame: VideoFrame) -> Shown:
        """Another picture at the same time."""
        return replace(self, frame=frame)


@dataclass(frozen=True, slots=True)
class Heard:
    """Samples `(channels, n)`, which are the sound of the source from `since` to `until` in seconds."""

    samples: Samples
    since: float
    until: float

    def source_time(self, sample: float) -> float:
        """The time of the source at a sample."""
        count: int = self.samples.shape[1]
        return self.since + sample * (self.until - self.since) / count

    def part(self, first: int, last: int) -> Heard:
        """The samples from one number to before another."""
        return Heard(self.samples[:, first:last], self.source_time(first), self.source_time(last))


@dataclass(frozen=True, slots=True)
class Clip(VideoShape):
    """The shape of frames at one place of a chain, and which part of the source they show."""

    since: Fraction = Fraction(0)
    until: Fraction = Fraction(0)
    """In seconds of the source."""
    pace: Fraction = Fraction(1)
    """Seconds of the source in one second."""

    @property
    def length(self) -> Fraction:
        """In seconds."""
        return (self.until - self.since) / self.pace

    def times(self, source: NDArray[np.float64], *, backwards: bool) -> NDArray[np.float64]:
        """When times of the source are shown or heard."""
        away = float(self.until) - source if backwards else source - float(self.since)
        return away / float(self.pace)


@dataclass(frozen=True, slots=True)
class SoundShape:
    """What samples are."""

    rate: int
    layout: str
    """FFmpeg's name of the speakers."""
    channels: int
    clip: Clip
    """The picture at the same place of the chain."""
    bits: int | None = None
    """Of a sample of the source: 16, 24, or 32 for floating point; `None` for a codec with loss."""


Frames = Callable[[], Iterator[Shown]]
"""Gives all frames without gaps, as often as they are asked for."""
Blocks = Callable[[], Iterator[Heard]]
"""Gives all sound without gaps, as often as it is asked for."""


def on_grid(frames: Iterator[Shown], rate: Fraction) -> Iterator[Shown]:
    """The frame on the screen in the middle of each interval of a constant rate."""
    number, last = None, None
    for last in frames:
        if number is None:
            number = max(0, ceil(last.start * rate - Fraction(1, 2)))
        while (number + Fraction(1, 2)) / rate < last.end:
            yield _interval(last, number, rate)
            number += 1
    if last and number == 0:
        yield _interval(last, 0, rate)


def _interval(shown: Shown, number: int, rate: Fraction) -> Shown:
    start, end = number / rate, (number + 1) / rate
    return Shown(shown.frame, start, end, shown.source_time(start), shown.source_time(end))
