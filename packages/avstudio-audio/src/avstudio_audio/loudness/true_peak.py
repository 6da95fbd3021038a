"""The highest value between the samples, which a converter or a codec reproduces (ITU-R BS.1770-4, annex 2)."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE = 12
"""Samples on each side of a value from which it is interpolated."""
HIGH_RATES = (96_000, 192_000)
"""In Hz. From these rates on, less oversampling reaches the same accuracy."""
ROW = 32
"""Samples that one row of a matrix product interpolates."""
TOGETHER = 32
"""Rows in one matrix product: few, because it is faster on one thread."""
BETA = 6.0
"""Of the Kaiser window: the response is flat within 0.1 dB up to 20 kHz at 48 kHz."""


def oversampling(rate: int) -> int:
    """Values per sample at a rate in Hz: four times 48 kHz, or the same density."""
    return 4 if rate < HIGH_RATES[0] else 2 if rate < HIGH_RATES[1] else 1


class Interpolator:
    """Interpolates between samples, but only where a value can be above a level."""

    def __init__(self, rate: int) -> None:
        import numpy as np

        count = oversampling(rate)
        weights = [_taps(index / count) for index in range(count)]
        self.most = max(float(np.abs(taps).sum()) for taps in weights)
        """The most by which a value between samples can exceed the highest one around it, as a factor."""
        self._matrix = np.concatenate([_matrix(taps) for taps in weights], axis=1)

    def possible(self, sound: NDArray[np.float32], above: float) -> NDArray[np.bool_]:
        """The rows of `ROW` samples in which a value can be above a level; shape `(channels, rows)`.

        `sound` has `SIDE` samples before the rows, and after them.
        """
        import numpy as np

        least = np.float32(above / self.most)
        loud = np.zeros((len(sound), sound.shape[1] - 2 * SIDE + 2 * ROW), np.bool_)  # with a row before and after
        place = loud[:, ROW - SIDE : SIDE - ROW]
        np.greater(sound, least, out=place)
        place |= sound < -least
        eights = loud.view(np.uint64).reshape(len(sound), -1, ROW // 8)  # much faster than any() of 32 values
        inside = functools.reduce(np.bitwise_or, (eights[:, :, index] for index in range(ROW // 8))) > 0
        possible: NDArray[np.bool_] = inside[:, :-2] | inside[:, 1:-1] | inside[:, 2:]
        return possible

    def values(self, sound: NDArray[np.float32], rows: NDArray[np.bool_]) -> NDArray[np.float32]:
        """The samples of some rows, and the values after each of them; shape `(rows, values per sample, ROW)`."""
        import numpy as np

        channels, places = np.nonzero(rows)
        count = len(places)
        fill = (0, -count % TOGETHER)
        windows = np.lib.stride_tricks.sliding_window_view(sound, ROW + 2 * SIDE, axis=1)
        chosen = windows[np.pad(channels, fill), np.pad(places, fill) * ROW]
        values = chosen.reshape(-1, TOGETHER, ROW + 2 * SIDE) @ self._matrix
        found: NDArray[np.float32] = values.reshape(len(chosen), -1, ROW)[:count]
        return found


class TruePeak:
    """The true peak of all added blocks."""

    def __init__(self, rate: int, channels: int) -> None:
        import numpy as np

        self._interpolator = Interpolator(rate)
        self._held = np.zeros((channels, 2 * SIDE), np.float32)
        self.value = 0.0

    def add(self, block: NDArray[np.float32]) -> None:
        """Add the next `(channels, samples)`; the number of samples is a multiple of `ROW`."""
        import numpy as np

        sound = np.concatenate([self._held, block], axis=1)
        self._held = sound[:, -2 * SIDE :]
        self.value = max(self.value, float(block.max(initial=0.0)), -float(block.min(initial=0.0)))
        rows = self._interpolator.possible(sound, self.value)
        if rows.any():
            values = self._interpolator.values(sound, rows)
            self.value = max(self.value, float(values.max()), -float(values.min()))

    def finish(self) -> None:
        """Add the silence after the end."""
        import numpy as np

        self.add(np.zeros((len(self._held), ROW), np.float32))


def _matrix(taps: NDArray[np.float32]) -> NDArray[np.float32]:
    """The weights of a window of samples for the values at one time after each sample of a row."""
    import numpy as np

    matrix = np.zeros((ROW + 2 * SIDE, ROW), np.float32)
    for column in range(ROW):
        matrix[column + 1 : column + 1 + 2 * SIDE, column] = taps
    return matrix


def _taps(time: float) -> NDArray[np.float32]:
    """The weights of the samples around a value at a fraction of a sample after the middle one; their sum is 1."""
    import numpy as np

    distance = np.arange(1 - SIDE, SIDE + 1) - time
    window = np.i0(BETA * np.sqrt(1 - (distance / SIDE).clip(-1, 1) ** 2)) / np.i0(BETA)
    taps = np.sinc(distance) * window
    weights: NDArray[np.float32] = (taps / taps.sum()).astype(np.float32)
    return weights
