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

    def add(self, data: NDArray[np.float32]) -> None:
        """Add the next `(channels, any)`."""
        import numpy as np

        for channel in data:
            for start in range(0, len(channel), CACHED):
                part = channel[start : start + CACHED]
                self.energy += float(np.vdot(part, part))
                self._peak = max(self._peak, float(part.max()), -float(part.min()))

    @property
    def peak_dbfs(self) -> float | None:
        """`None` for silence, which has no level."""
        return 20 * math.log10(self._peak) if self._peak > 0 else None
