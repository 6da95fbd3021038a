"""The packets of a stream: exact times of its frames, without decoding."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from avstudio_video.media.opacity import OPACITY, begins

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

USUAL_RATE = Fraction(25)
"""Frames per second of a stream that does not state them."""
STEADY = 0.001
"""In seconds: containers that count milliseconds round the times of a constant rate by this much."""

RARE = 0.05
"""The part of all gaps between frames that are longer in a damaged file of a steady rate, at most."""
FEW, SOME = 3, 20
"""So many longer gaps are few in any file with more than some gaps."""


class PacketIndex:
    """Times in units of the stream's time base; a frame is shown from its time stamp on."""

    def __init__(self, stream: Stream) -> None:
        self.unit = Fraction(stream.time_base or Fraction(1, 1_000_000))
        self._rate = getattr(stream, "guessed_rate", None) or getattr(stream, "average_rate", None)
        self._stated, self._empty = stream.frames or 0, stream.container.format.name == "avi"
        self._pts = array("q")
        self._keys = array("q")
        self._longest_end = 0
        self.packets = self.corrupt = 0
        self.clear = 0
        """Packets that say where their picture is transparent."""
        self.unstamped = 0
        """Packets without a time stamp."""

    def add(self, packet: Packet[Stream]) -> None:
        """Note the next packet of the stream, in the order of the file."""
        self.packets += 1
        self.corrupt += packet.is_corrupt
        self.clear += packet.has_sidedata(OPACITY)
        if packet.is_discard:  # before the start that an edit list states
            return
        if packet.pts is None:
            self.unstamped += 1
            return
        self._pts.append(packet.pts)
        self._longest_end = max(self._longest_end, packet.pts + (packet.duration or 0))
        if begins(packet):
            self._keys.append(packet.pts)

    @property
    def guessed(self) -> bool:
        """Whether the file has no time stamps: times are then guessed from the rate."""
        return not self._pts and self.unstamped > 0

    @cached_property
    def shown(self) -> list[int]:
        """The time stamps of all frames, in the order in which they are shown."""
        if self.guessed:
            step = self._guessed_step
            return [round(number * step) for number in range(self.unstamped)]
        return sorted(set(self._pts))

    @property
    def stated(self) -> int:
        """The number of packets that the header of the file states; 0 without one. AVI counts empty ones, too."""
        empty = sum(round(gap / self.usual_gap) - 1 for gap in self.gaps) if self._empty and self.usual_gap else 0
        return self._stated - empty

    @property
    def repeated(self) -> int:
        """The number of frames that have the time stamp of another one."""
        return len(self._pts) - len(self.shown) if self._pts else 0

    @cached_property
    def keys(self) -> list[int]:
        """The time stamps of the frames at which decoding can start, in order."""
        return sorted(set(self._keys))

    @cached_property
    def gaps(self) -> list[int]:
        """The lengths of all frames but the last one."""
        shown = self.shown
        return [after - before for before, after in pairwise(shown)]

    @cached_property
    def usual_gap(self) -> int:
        """The median length of a frame; 0 if it is not known."""
        if not self.gaps:
            return round(self._guessed_step)
        return sorted(self.gaps)[len(self.gaps) // 2]

    @property
    def end(self) -> int:
        """When the last frame ends."""
        if not self.shown:
            return 0
        stated = self._longest_end if not self.guessed else 0
        return stated if stated > self.shown[-1] else self.shown[-1] + self.usual_gap

    @property
    def variable(self) -> bool:
        """Whether the frames have different lengths, beyond the rounding of their times."""
        if len(self.gaps) < 2:
            return False
        tolerance = max(self.unit, min(Fraction(STEADY), self.usual_gap * self.unit / 8))
        return (max(self.gaps) - min(self.gaps)) * self.unit > tolerance

    @property
    def holes(self) -> list[int]:
        """The lengths of the few frames that are much longer than all others; none of a truly variable rate."""
        long = [gap for gap in self.gaps if gap * 4 > self.usual_gap * 7]
        most = max(len(self.gaps) * RARE, FEW if len(self.gaps) > SOME else 0)
        return long if len(long) <= most else []

    def number_at(self, stamp: int) -> int:
        """The number of the frame on the screen at a time stamp; -1 before the first one."""
        return bisect_right(self.shown, stamp) - 1

    def guessed_stamp(self, number: int) -> int | None:
        """The time stamp of a frame of a file without time stamps; `None` if other packets have some."""
        return round(number * self._guessed_step) if not self._pts else None

    @property
    def _guessed_step(self) -> Fraction:
        rate = Fraction(self._rate) if self._rate else USUAL_RATE
        return 1 / (rate * self.unit)
