"""The silent spans of a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

from avstudio_audio.media.cells import Cells

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK = 0.01
"""The length of the blocks whose peak is compared, in seconds."""


class Silence:
    """Collects the spans in which all channels stay below a level."""

    def __init__(self, rate: int, below_db: float, shortest: float) -> None:
        """`rate` in Hz, `below_db` in dBFS (peak), `shortest` in seconds."""
        self._size, self._rate, self._shortest = max(1, round(BLOCK * rate)), rate, shortest
        self._level = 10 ** (below_db / 20)
        self._cells = Cells(1, self._size)
        self._quiet: list[NDArray[np.bool_]] = []
        self._total = 0

    def feed(self, block: NDArray[np.float32]) -> None:
        """Add the next block, `(channels, any)`."""
        import numpy as np

        self._total += block.shape[1]
        self._add(self._cells.feed(np.abs(block).max(axis=0, keepdims=True)))

    def spans(self) -> list[tuple[float, float]]:
        """After the last block, the silent spans in seconds, half-open; their ends are exact to 10 ms."""
        import numpy as np

        self._add(self._cells.rest())
        quiet = np.concatenate([np.zeros(0, bool), *self._quiet])
        edges = np.flatnonzero(np.diff(np.concatenate(([False], quiet, [False])).astype(np.int8)))
        times = np.minimum(edges * self._size, self._total) / self._rate
        spans = zip(times[::2].tolist(), times[1::2].tolist(), strict=True)
        return [(round(start, 4), round(end, 4)) for start, end in spans if end - start >= self._shortest]

    def _add(self, cells: NDArray[np.float32]) -> None:
        if cells.shape[1]:
            self._quiet.append(cells[0].max(axis=1) < self._level)
