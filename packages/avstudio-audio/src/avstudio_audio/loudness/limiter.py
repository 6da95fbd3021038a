"""A limiter that looks ahead: it lowers the sound around each value above a ceiling, also between samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from avstudio_audio.loudness.true_peak import ROW, SIDE, Interpolator

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AHEAD = 0.005
"""Seconds in which the gain falls before a value above the ceiling: slower than that, it is not heard as a click."""
RELEASE = 60.0
"""How fast the gain rises afterwards, in dB/s."""
MARGIN_DB = 0.001
"""By this, the second stage is below the ceiling: for what rounding to float32 adds."""


class Limiter:
    """Keeps the true peak of sound below a ceiling; sound that is not near it is not changed.

    A gain that falls between two samples moves the value between them a little. The second stage removes what the
    first one leaves: a few hundredths of a dB.
    """

    def __init__(self, rate: int, channels: int, ceiling: float) -> None:
        """`ceiling` is in dBTP."""
        highest = 10 ** ((ceiling - MARGIN_DB) / 20)
        self._stages = _Stage(rate, channels, highest), _Stage(rate, channels, highest)
        self._channels = channels
        self._owed = 0

    @property
    def reduction(self) -> float:
        """The most by which the sound was lowered, in dB."""
        return sum(stage.reduction for stage in self._stages)

    def feed(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next `(channels, any)`, some milliseconds late."""
        first, second = self._stages
        limited = second.feed(first.feed(block))
        self._owed += block.shape[1] - limited.shape[1]
        return limited

    def rest(self) -> NDArray[np.float32]:
        """What is left after the last block."""
        import numpy as np

        owed = self._owed
        silence = np.zeros((self._channels, owed + ROW + sum(stage.delay for stage in self._stages)), np.float32)
        return self.feed(silence)[:, :owed]


class _Stage:
    """Measures the excess over the ceiling in dB, holds and releases it, and applies it smoothly."""

    def __init__(self, rate: int, channels: int, highest: float) -> None:
        import numpy as np

        self._interpolator, self._highest = Interpolator(rate), highest
        self._half = max(round(AHEAD * rate / 2), 1)
        self._ahead = 2 * self._half
        self._slope = RELEASE / rate
        self._lead = self._ahead  # silent samples before the first one: the gain falls from there
        self._measured = np.zeros((channels, SIDE + self._lead), np.float32)
        self._waiting = np.zeros((channels, self._lead), np.float32)
        self._excess = np.zeros(0)
        self._before = np.zeros(self._ahead)
        self._held = 0.0
        self.reduction = 0.0
        self.delay = self._ahead + SIDE + ROW
        """The most samples that wait for later ones."""

    def feed(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        import numpy as np

        self._waiting = np.concatenate([self._waiting, block], axis=1)
        self._measured = np.concatenate([self._measured, block], axis=1)
        rows = (self._measured.shape[1] - 2 * SIDE) // ROW
        if rows > 0:
            part = self._measured[:, : rows * ROW + 2 * SIDE]
            self._measured = self._measured[:, rows * ROW :]
            self._excess = np.concatenate([self._excess, self._released(self._over(part))])
        ready = len(self._excess) - self._ahead
        if ready <= 0:
            return block[:, :0]
        lowered = self._lowered(ready)
        dropped = min(self._lead, ready)
        self._lead -= dropped
        return lowered[:, dropped:]

    def _over(self, part: NDArray[np.float32]) -> NDArray[np.float64]:
        """The excess at each sample and up to the next one, in dB."""
        import numpy as np

        rows = self._interpolator.possible(part, self._highest)
        if not rows.any():
            return np.zeros(rows.shape[1] * ROW)
        peaks = np.zeros((*rows.shape, ROW), np.float32)
        peaks[rows] = np.abs(self._interpolator.values(part, rows)).max(axis=1)
        over = np.maximum(peaks.max(axis=0).reshape(-1) / self._highest, 1.0).astype(np.float64)
        decibels: NDArray[np.float64] = 20 * np.log10(over)
        return decibels

    def _released(self, over: NDArray[np.float64]) -> NDArray[np.float64]:
        """The excess, which falls back to zero slowly."""
        import numpy as np

        if not self._held and not over.any():
            return over
        fall = self._slope * np.arange(len(over) + 1)
        held = np.maximum.accumulate(np.concatenate([[self._held], over]) + fall) - fall
        self._held = max(float(held[-1]), 0.0)
        released: NDArray[np.float64] = np.maximum(held[1:], 0.0)
        return released

    def _lowered(self, ready: int) -> NDArray[np.float32]:
        """The first waiting samples, lowered by the mean of the highest excess ahead."""
        import numpy as np

        block, self._waiting = self._waiting[:, :ready], self._waiting[:, ready:]
        excess, self._excess = self._excess, self._excess[ready:]
        ahead = np.concatenate([self._before, _highest(excess, self._ahead + 1)])
        self._before = ahead[ready:]
        if not ahead.any():
            return block
        smooth = _means(_means(ahead, self._half + 1), self._half + 1)
        self.reduction = max(self.reduction, float(smooth.max()))
        lowered: NDArray[np.float32] = block * (10 ** (-smooth / 20)).astype(np.float32)
        return lowered


def _highest(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """The maximum of each window of some length: of two halves that overlap, and so on."""
    import numpy as np

    reach = 1
    while 2 * reach < length:
        values = np.maximum(values[:-reach], values[reach:])
        reach *= 2
    return np.maximum(values[: len(values) - (length - reach)], values[length - reach :])


def _means(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    import numpy as np

    sums = np.concatenate([[0.0], np.cumsum(values)])
    means: NDArray[np.float64] = np.maximum(sums[length:] - sums[:-length], 0.0) / length
    return means
