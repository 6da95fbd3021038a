"""Loudness and loudness range from the energies of parts of a sound, without its silent parts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OFFSET = -0.691
"""The loudness of the energy 1 in LUFS: so that a sine of 997 Hz at full scale in one channel has −3.01 LUFS."""
ABSOLUTE = -70.0
"""In LUFS: parts below it are never counted."""
RELATIVE = -10.0
RANGE_RELATIVE = -20.0
RANGE = (0.10, 0.95)
MOMENTARY, SHORT_TERM = 4, 30
"""The lengths of the windows, in steps of 0.1 s."""


def lufs(energy: float) -> float | None:
    """The loudness of an energy; `None` for none."""
    return OFFSET + 10 * math.log10(energy) if energy > 0 else None


def windows(energies: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """The mean energy in each window of `length` steps, at every step; empty if the sound is shorter."""
    import numpy as np

    if len(energies) < length:
        return np.zeros(0)
    means: NDArray[np.float64] = np.lib.stride_tricks.sliding_window_view(energies, length).mean(axis=1)
    return means


class Highest:
    """The highest energy of all windows of `length` steps, from energies that arrive in parts."""

    def __init__(self, length: int) -> None:
        import numpy as np

        self._length, self.value = length, 0.0
        self._held = np.zeros(0)

    def add(self, energies: NDArray[np.float64]) -> None:
        import numpy as np

        joined = np.concatenate([self._held, energies])
        sums = np.concatenate([[0.0], np.cumsum(joined)])
        highest = float((sums[self._length :] - sums[: -self._length]).max(initial=0.0)) / self._length
        self.value = max(self.value, highest)
        self._held = joined[1 - self._length :]


def gated(parts: NDArray[np.float64], relative: float = RELATIVE) -> tuple[NDArray[np.float64], float | None]:
    """The energies above both gates, and the relative gate in LUFS (`None` if all are below the absolute one)."""
    above = parts[parts > _energy(ABSOLUTE)]
    if not len(above):
        return above, None
    threshold = OFFSET + 10 * math.log10(above.mean()) + relative
    return above[above > _energy(threshold)], max(threshold, ABSOLUTE)


def loudness_range(short_term: NDArray[np.float64]) -> float | None:
    """The loudness range in LU by EBU Tech 3342, from the energies of short-term windows."""
    import numpy as np

    counted, _ = gated(short_term, RANGE_RELATIVE)
    if not len(counted):
        return None
    counted = np.sort(counted)
    low, high = (counted[int((len(counted) - 1) * part + 0.5)] for part in RANGE)
    return 10 * math.log10(high / low)


def _energy(loudness: float) -> float:
    return float(10 ** ((loudness - OFFSET) / 10))
