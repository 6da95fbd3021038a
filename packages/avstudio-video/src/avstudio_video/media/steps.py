"""Steps of time, of each of which the first frame counts."""

from __future__ import annotations

import math
from fractions import Fraction


class Steps:
    """Numbers the steps from a time on, and tells their first frames."""

    def __init__(self, length: float | Fraction, start: float = 0.0) -> None:
        """In any unit of time."""
        self._length, self._start = length, start
        self.last: int | None = None
        """The step that was asked for last."""

    def of(self, time: float | Fraction) -> int:
        """The number of the step at a time."""
        return math.floor((time - self._start) / self._length)

    def begins(self, time: float | Fraction) -> bool:
        """Whether a time is in another step than the one that was asked for before."""
        before, self.last = self.last, self.of(time)
        return before != self.last
