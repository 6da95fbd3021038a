"""The highest value between the samples (ITU-R BS.1770-4, annex 2), interpolated only where it can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE = 12
"""Samples on each side of a value from which it is interpolated."""
BETA = 6.0
"""Of the Kaiser window."""
DENSE, DENSER = 96_000, 192_000
"""Rates in Hz from which fewer values between the samples are needed."""


class TruePeak:
    """The highest absolute value of all blocks, as a factor of full scale."""

    def __init__(self, rate: int, channels: int) -> None:
        import numpy as np

        fractions = (0.25, 0.5, 0.75) if rate < DENSE else (0.5,) if rate < DENSER else (0.0,)
        self._taps = np.stack([_taps(one) for one in fractions], axis=1)
        self._most = np.abs(self._taps).max(axis=1)
        self._held = np.zeros((channels, 2 * SIDE), np.float32)
        self.value = 0.0

    def feed(self, block: NDArray[np.float32]) -> None:
        """The next samples, `(channels, n)`."""
        import numpy as np

        sound = np.concatenate([self._held, block], axis=1)
        self._held = sound[:, -2 * SIDE :]
        height = np.abs(sound)
        highest = float(height.max())
        self.value = max(self.value, highest)
        if highest * self._most.sum() <= self.value:
            return
        channels, places = np.nonzero(self._possible(height, highest) > self.value)
        if len(places):
            around = np.lib.stride_tricks.sliding_window_view(sound, 2 * SIDE, axis=1)[channels, places]
            self.value = max(self.value, float(np.abs(around @ self._taps).max()))

    def finish(self) -> None:
        """The silence after the last block."""
        import numpy as np

        self.feed(np.zeros((len(self._held), 2 * SIDE), np.float32))

    def _possible(self, height: NDArray[np.float32], highest: float) -> NDArray[np.float32]:
        """What each value can be at most: the four samples next to it count as they are, others as the highest."""
        inner, outer = self._most[SIDE - 1 : SIDE + 1].max(), self._most[SIDE - 2 : SIDE + 2 : 3].max()
        count = height.shape[1] - 2 * SIDE + 1
        middle, left = height[:, SIDE - 1 :], height[:, SIDE - 2 :]
        found: NDArray[np.float32] = (middle[:, :count] + middle[:, 1 : count + 1]) * inner
        found += (left[:, :count] + left[:, 3 : count + 3]) * outer
        found += highest * (self._most.sum() - 2 * inner - 2 * outer).clip(0)
        return found


def _taps(fraction: float) -> NDArray[np.float32]:
    """The weights of the samples around a value at a fraction of the way between the middle two; their sum is 1."""
    import numpy as np

    away = np.arange(1 - SIDE, SIDE + 1) - fraction
    window = np.i0(BETA * np.sqrt(1 - (away / SIDE).clip(-1, 1) ** 2)) / np.i0(BETA)
    weights = np.sinc(away) * window
    return np.asarray(weights / weights.sum(), np.float32)
