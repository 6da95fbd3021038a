"""Steps of time: the first frame of each counts."""

from __future__ import annotations

import math
from fractions import Fraction


class Steps:
    """Numbers the steps from a time on, and tells their first frames."""

    def __init__(self, length: float | Fraction, start: float = 0.0) -> None:
        """In any unit of time."""
        self._length, self._start = length, start
        self._last: int | None = None

    def of(self, time: float | Fraction) -> int:
        """The number of the step at a time."""
        return math.floor((time - self._start) / self._length)

    def begins(self, time: float | Fraction) -> bool:
        """Whether a time is in another step than the one that was asked for before."""
        last, self._last = self._last, self.of(time)
        return last != self._last
