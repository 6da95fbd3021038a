"""The parts of videos that follow each other in a new one, on the grid of their frames."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from avstudio_core.spans import Span
from avstudio_video.media.index import STEADY

if TYPE_CHECKING:
    from avstudio_video.media.indexed import IndexedStream


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a video: exact times in seconds from the start of its file, half-open."""

    start: Fraction
    end: Fraction
    frames: range
    """The numbers of its frames."""
    source: int = 0
    """The number of its file."""
    at: Fraction = Fraction(0)
    """When it begins in the new video."""
    fade: Fraction = Fraction(0)
    """The time in which it and the part before are both shown, and one turns into the other."""

    @property
    def length(self) -> Fraction:
        return self.end - self.start


@dataclass(frozen=True)
class Timeline:
    """Parts in the order of the new video, without gaps."""

    parts: tuple[Part, ...]

    @classmethod
    def joined(cls, parts: Iterable[Part], fade: Fraction = Fraction(0), unit: Fraction = Fraction(0)) -> Timeline:
        """Each part after the one before, with cross-fades.

        A fade has whole units, and is not longer than half of a part beside it, so that two never overlap.
        """
        placed: list[Part] = []
        wanted = round(fade / unit) * unit if unit else fade
        for part in parts:
            before = placed[-1] if placed else None
            most = min(wanted, before.length / 2, part.length / 2) if before else Fraction(0)
            rise = most // unit * unit if unit else most
            at = before.at + before.length - rise if before else Fraction(0)
            placed.append(replace(part, at=at, fade=rise))
        return cls(tuple(placed))

    @property
    def length(self) -> Fraction:
        """Seconds of the new video."""
        return self.parts[-1].at + self.parts[-1].length if self.parts else Fraction(0)

    def later(self, seconds: Fraction) -> Timeline:
        """The same parts, which begin later in the new video."""
        return Timeline(tuple(replace(part, at=part.at + seconds) for part in self.parts))

    def moved(self, time: float) -> Fraction:
        """When what is at a time of the source is in the new video; what is removed is where it was cut."""
        part = self._ending_after(time)
        return part.at + max(Fraction(time) - part.start, Fraction(0)) if part else self.length

    def keeps(self, time: float) -> bool:
        """Whether what is at a time of the source is in the new video."""
        part = self._ending_after(time)
        return part is not None and part.start <= time

    def _ending_after(self, time: float) -> Part | None:
        number = bisect_right(self._ends, time)
        return self.parts[number] if number < len(self.parts) else None

    @cached_property
    def _ends(self) -> list[Fraction]:
        return [part.end for part in self.parts]


class FrameGrid:
    """The times between which the frames of a stream are shown.

    A constant rate has exact times, also where the file rounds them.
    """

    def __init__(self, stream: IndexedStream) -> None:
        index = stream.index
        self._stamps = [*index.shown, max(index.end, index.shown[-1] + 1)]
        self._unit, self._origin = index.unit, Fraction(0) if index.guessed else stream.origin
        self.rate = stream.rate if stream.rate and self._is_steady(stream.rate) else None
        """Frames per second; `None` if they have different lengths."""

        self.step = 1 / self.rate if self.rate else index.usual_gap * index.unit
        """Seconds of a usual frame."""

    @property
    def start(self) -> Fraction:
        """When the first frame is shown."""
        return self.time(0)

    @property
    def end(self) -> Fraction:
        """When the last frame ends."""
        return self.time(len(self._stamps) - 1)

    def time(self, number: int) -> Fraction:
        """When a frame is shown; the number after the last one stands for its end."""
        if self.rate:
            return self._time(self._stamps[0]) + number / self.rate
        return self._time(self._stamps[number])

    def part(self, low: int, high: int, source: int = 0) -> Part:
        """The frames from `low` to before `high`."""
        return Part(self.time(low), self.time(high), range(low, high), source)

    def whole(self, source: int = 0) -> Part:
        """All frames."""
        return self.part(0, len(self._stamps) - 1, source)

    def parts(self, spans: Sequence[Span]) -> list[Part]:
        """Spans in order on the grid: both ends at the nearest start of a frame; those without a frame are left out."""
        found: list[Part] = []
        for start, end in spans:
            low, high = self._nearest(start), self._nearest(end)
            if found and found[-1].frames.stop == low:
                low = found.pop().frames.start
            if low < high:
                found.append(self.part(low, high))
        return found

    def _nearest(self, time: float) -> int:
        """The frame that starts next to a time, or the number after the last one."""
        if time >= self.end:
            return len(self._stamps) - 1
        exact = (Fraction(time) + self._origin) / self._unit
        after = min(bisect_left(self._stamps, exact), len(self._stamps) - 1)  # the last stamp may be rounded down
        return min(range(max(after - 1, 0), after + 1), key=lambda number: abs(self._stamps[number] - exact))

    def _time(self, stamp: int) -> Fraction:
        return stamp * self._unit - self._origin

    def _is_steady(self, rate: Fraction) -> bool:
        step, first = float(1 / (rate * self._unit)), self._stamps[0]
        most = max(1.0, STEADY / float(self._unit))
        return all(abs(stamp - first - number * step) <= most for number, stamp in enumerate(self._stamps[:-1]))
