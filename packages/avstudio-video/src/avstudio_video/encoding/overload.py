"""Samples beyond full scale, which most files cannot store."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AUDIBLE_DB, OVERSHOOT_DB = 0.1, 2.0
"""Clipping by less than this is inaudible, or usual for sound that a codec with loss has decoded."""


class Overload:
    """Counts samples beyond full scale."""

    def __init__(self, lossy: bool) -> None:
        """`lossy` tells that it is encoded with loss: then it is clipped when it is played."""
        self._count, self._peak, self._least = 0, 1.0, OVERSHOOT_DB if lossy else AUDIBLE_DB

    def look_at(self, block: NDArray[np.float32]) -> None:
        """Count the samples of a block."""
        import numpy as np

        if not block.size or max(float(block.max()), -float(block.min())) <= 1:
            return
        loud = np.abs(block)
        self._count += int(np.count_nonzero(loud > 1))
        self._peak = max(self._peak, float(loud.max()))

    def tell(self, name: str, warn: Callable[[str, str], None]) -> None:
        """Warn with `clipped` if it is audible; `name` is that of the file."""
        excess = 20 * math.log10(self._peak)
        if excess >= self._least:
            message = f"{self._count} values of the sound of '{name}' are clipped, by up to {excess:.1f} dB."
            warn("clipped", f"{message} Lower the level.")
