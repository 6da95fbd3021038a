"""The highest value between the samples (ITU-R BS.1770-4, annex 2), interpolated only where it can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE = 12
"""Samples on each side of a value from which it is interpolated."""
ROW = 32
"""Samples whose values are computed together, by one matrix."""
TOGETHER = 32
"""Rows in one product of matrices: few, because more would be shared among threads."""
BETA = 6.0
"""Of the Kaiser window."""
DENSE, DENSER = 96_000, 192_000
"""Rates in Hz from which fewer values between the samples are needed."""


class TruePeak:
    """The highest absolute value of all blocks, as a factor of full scale."""

    def __init__(self, rate: int, channels: int) -> None:
        import numpy as np

        fractions = (0.25, 0.5, 0.75) if rate < DENSE else (0.5,) if rate < DENSER else (0.0,)
        weights = [_taps(one) for one in fractions]
        self._most = max(float(np.abs(taps).sum()) for taps in weights)
        """The factor by which a value can exceed the highest sample around it, at most."""
        self._matrix = np.concatenate([_matrix(taps) for taps in weights], axis=1)
        self._held = np.zeros((channels, 2 * SIDE), np.float32)
        self.value = 0.0

    def feed(self, block: NDArray[np.float32]) -> None:
        """The next samples, `(channels, n)`."""
        import numpy as np

        self.value = max(self.value, float(block.max(initial=0.0)), -float(block.min(initial=0.0)))
        sound = np.concatenate([self._held, block], axis=1)
        count = (sound.shape[1] - 2 * SIDE) // ROW
        self._held = sound[:, count * ROW :]
        if not count:
            return
        rows = np.lib.stride_tricks.sliding_window_view(sound, ROW + 2 * SIDE, axis=1)[:, : count * ROW : ROW]
        loud = rows[self._is_possible(sound, count)]
        if len(loud):
            filled = np.pad(loud, ((0, -len(loud) % TOGETHER), (0, 0)))
            values = filled.reshape(-1, TOGETHER, ROW + 2 * SIDE) @ self._matrix
            self.value = max(self.value, float(values.max()), -float(values.min()))

    def finish(self) -> None:
        """The silence after the last block."""
        import numpy as np

        self.feed(np.zeros((len(self._held), ROW + 2 * SIDE), np.float32))

    def _is_possible(self, sound: NDArray[np.float32], count: int) -> NDArray[np.bool_]:
        """Whether a value of each row can be the highest one, `(channels, count)`."""
        import numpy as np

        least = np.float32(self.value / self._most)
        loud = np.zeros((len(sound), (count + 2) * ROW), np.bool_)  # with a row before and after
        end = count * ROW + 2 * SIDE
        np.greater(np.abs(sound[:, :end]), least, out=loud[:, ROW - SIDE : SIDE - ROW])
        eights = loud.view(np.uint64).reshape(len(sound), count + 2, -1)  # much faster than any() of 32 values
        rows: NDArray[np.bool_] = np.asarray(eights.any(axis=2))
        return rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]


def _matrix(taps: NDArray[np.float32]) -> NDArray[np.float32]:
    """The weights of the samples around a row, for one value after each of its samples."""
    import numpy as np

    matrix = np.zeros((ROW + 2 * SIDE, ROW), np.float32)
    for column in range(ROW):
        matrix[column + 1 : column + 1 + 2 * SIDE, column] = taps
    return matrix


def _taps(fraction: float) -> NDArray[np.float32]:
    """The weights of the samples around a value at a fraction of the way between the middle two; their sum is 1."""
    import numpy as np

    away = np.arange(1 - SIDE, SIDE + 1) - fraction
    window = np.i0(BETA * np.sqrt(1 - (away / SIDE).clip(-1, 1) ** 2)) / np.i0(BETA)
    weights = np.sinc(away) * window
    return np.asarray(weights / weights.sum(), np.float32)
