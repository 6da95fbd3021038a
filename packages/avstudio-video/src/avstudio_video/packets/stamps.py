"""The time stamps of copied packets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av.packet import Packet


@dataclass
class Stamps:
    """Converts time stamps to the units of a new file; those of decoding always increase."""

    whole: bool = False
    """Whether a decoder makes as much of each packet as of the longest one, whatever its length is said to be."""
    end: int = 0
    """When the last packet ends that was shown so far, in units of the new file."""
    _longest: int = 0
    _last: int | None = None

    def restamp(self, packet: Packet[Any], unit: Fraction, shift: Fraction) -> None:
        """Give a packet its times in `unit`, which is in seconds as `shift`."""
        scale, offset = Fraction(packet.time_base) / unit, shift / unit
        decoded = packet.dts if packet.dts is not None else packet.pts
        shown = packet.pts if packet.pts is not None else packet.dts
        if decoded is None or shown is None:
            raise ValueError("A packet without time stamps cannot be written.")
        show, decode = _rounded(shown * scale + offset), _rounded(decoded * scale + offset)
        if self._last is not None and decode <= self._last:
            decode = self._last + 1
        packet.dts, packet.pts = decode, max(show, decode)
        packet.duration = _rounded((packet.duration or 0) * scale)
        packet.time_base = unit
        self._longest = max(self._longest, packet.duration) if self.whole else packet.duration
        self._last, self.end = decode, max(self.end, packet.pts + self._longest)


def _rounded(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))
