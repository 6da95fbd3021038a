"""The frames that a request wants, by the index of the stream."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from avstudio_core import Artifact
from avstudio_core.errors import InvalidInput
from avstudio_video.media.scene_document import read_scenes

if TYPE_CHECKING:
    from avstudio_video.media.index import PacketIndex


EARLY = Fraction(1, 2000)
"""Seconds before a frame that already count as its time, since people round to milliseconds."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One frame to decode."""

    stamp: int
    requested: float | None = None
    """The time that was asked for, in seconds."""


@dataclass(frozen=True)
class FrameTimeline:
    """The frames of a stream with their times in seconds from the start of the file."""

    index: PacketIndex
    origin: Fraction
    """The start of the file in seconds."""

    def time(self, stamp: int) -> float:
        """When a frame is shown."""
        return float(stamp * self.index.unit - (0 if self.index.guessed else self.origin))

    @property
    def end(self) -> float:
        """When the last frame ends."""
        return self.time(self.index.end)

    def duration(self, stamp: int) -> float:
        """How long a frame is shown."""
        shown, number = self.index.shown, self.index.number_at(stamp)
        after = shown[number + 1] if number + 1 < len(shown) else self.index.end
        return float((after - stamp) * self.index.unit)

    def at(self, time: float) -> int:
        """The frame on the screen at a time, or the first one from 0 on. Raises `InvalidInput` outside the video."""
        origin = 0 if self.index.guessed else self.origin
        early = min(Fraction(1, 2), EARLY / self.index.unit)
        stamp = math.floor((Fraction(time) + origin) / self.index.unit + early)
        number = self.index.number_at(stamp)
        if (number < 0 and time < 0) or stamp >= max(self.index.end, self.index.shown[-1] + 1):
            first, last = self.time(self.index.shown[0]), self.time(self.index.shown[-1])
            hint = f"Its frames are shown from {first:.3f} s on; the last one at {last:.3f} s, until {self.end:.3f} s."
            raise InvalidInput(f"No frame is shown at '{time:g}' s.", hint=hint)
        return self.index.shown[max(number, 0)]

    def numbered(self, number: int) -> int:
        """The frame with a number, from 0. Raises `InvalidInput`."""
        if number >= len(self.index.shown):
            hint = f"It has {len(self.index.shown)} frames: give 0 to {len(self.index.shown) - 1}."
            raise InvalidInput(f"The frame '{number}' does not exist.", hint=hint)
        return self.index.shown[number]

    def key_before(self, stamp: int) -> int:
        """The last key frame that is not later."""
        number = bisect_right(self.index.keys, stamp)
        return self.index.keys[number - 1] if number else stamp

    def within(self, start: float, end: float | None) -> tuple[float, float]:
        """The part of the video between two times. Raises `InvalidInput` if no frame begins in it."""
        first, last = self.time(self.index.shown[0]), self.end
        low, high = max(start, first), min(last, math.inf if end is None else end)
        if not self.between(self.index.shown, low, high):
            hint = f"The video has frames from {first:.3f} s to {last:.3f} s."
            raise InvalidInput(f"No frame begins between '{start:g}' s and '{high:g}' s.", hint=hint)
        return low, high

    def between(self, stamps: Sequence[int], low: float, high: float) -> Sequence[int]:
        """Those of some frames, given in order, that begin in a span of time."""
        first = bisect_left(stamps, low - 1e-9, key=self.time)
        return stamps[first : bisect_left(stamps, high, lo=first, key=self.time)]


def at_rate(timeline: FrameTimeline, span: tuple[float, float], step: float, most: int) -> list[Wanted]:
    """The frames on the screen every `step` seconds of a span. Raises `InvalidInput` for more than `most`."""
    count = math.ceil((span[1] - span[0]) / step - 1e-9)
    _check_count(count, most)
    return [Wanted(timeline.at(time), time) for time in (span[0] + number * step for number in range(count))]


def spread(timeline: FrameTimeline, span: tuple[float, float], count: int) -> list[Wanted]:
    """The frames in the middles of so many equal parts of a span."""
    part = (span[1] - span[0]) / count
    return [Wanted(timeline.at(time), time) for time in (span[0] + (number + 0.5) * part for number in range(count))]


def key_frames(timeline: FrameTimeline, span: tuple[float, float], most: int) -> list[Wanted]:
    """The key frames of a span. Raises `InvalidInput` for more than `most`."""
    found = [Wanted(stamp) for stamp in timeline.between(timeline.index.keys, *span)]
    _check_count(len(found), most)
    return found


def in_scenes(timeline: FrameTimeline, document: Artifact, most: int) -> list[Wanted]:
    """The frame in the middle of each scene. Raises `UnreadableMedia` for another document, and `InvalidInput`."""
    scenes = read_scenes(document).scenes
    _check_count(len(scenes), most)
    return [Wanted(timeline.at(time), time) for time in ((one.start + one.end) / 2 for one in scenes)]


def snapped(timeline: FrameTimeline, wanted: list[Wanted], snap: Literal["exact", "keyframe"]) -> list[Wanted]:
    """The frames themselves, or the key frames before them."""
    if snap == "exact":
        return wanted
    return [Wanted(timeline.key_before(one.stamp), one.requested) for one in wanted]


def _check_count(count: int, most: int) -> None:
    if count > most:
        hint = "Ask for fewer, or for a shorter part, or raise max_frames."
        raise InvalidInput(f"These are {count} frames, more than {most}.", hint=hint)
