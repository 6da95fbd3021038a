"""Spans of sound that reach a level; silence is what is between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class LoudSpans:
    """Finds spans of samples that reach a level, with fewer than `least` samples below it in each."""

    def __init__(self, level: float, least: int) -> None:
        self._level, self._least = level, max(1, least)
        self.found: list[tuple[int, int]] = []

    def feed(self, begin: int, block: NDArray[np.float32]) -> None:
        """The next samples, `(channels, n)`; `begin` is the number of the first one."""
        import numpy as np

        loud = np.flatnonzero((np.abs(block) >= self._level).any(axis=0)) + begin
        if not len(loud):
            return
        breaks = np.flatnonzero(np.diff(loud) > self._least)
        starts, ends = loud[[0, *(breaks + 1)]], loud[[*breaks, -1]] + 1
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            self._add(max(start, 0), end)

    def _add(self, start: int, end: int) -> None:
        if self.found and start - self.found[-1][1] < self._least:
            start = self.found.pop()[0]
        self.found.append((start, end))
