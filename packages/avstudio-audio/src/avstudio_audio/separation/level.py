"""The level of sound that arrives in pieces."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CACHED = 1 << 16
"""Samples in one block: they fit the processor's cache, and a longer sum in single precision would be inexact."""


class Level:
    """Peak and energy of all added sound."""

    def __init__(self) -> None:
        self._peak = self.energy = 0.0
        self._count = 0

    def add(self, data: NDArray[np.float32]) -> None:
        """Add the next `(channels, any)`."""
        import numpy as np

        self._count += data.size
        for channel in data:
            for start in range(0, len(channel), CACHED):
                part = channel[start : start + CACHED]
                self.energy += float(np.vdot(part, part))
                self._peak = max(self._peak, float(part.max()), -float(part.min()))

    @property
    def peak_dbfs(self) -> float | None:
        return _db(self._peak, 20)

    @property
    def rms_dbfs(self) -> float | None:
        return _db(self.energy / max(self._count, 1), 10)


def _db(value: float, factor: int) -> float | None:
    """`None` for silence, which has no level."""
    return factor * math.log10(value) if value > 0 else None
