"""Colours for levels, from dark to bright: their lightness rises evenly, so they are readable without colour, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ANCHORS = ((5, 5, 20), (45, 20, 90), (120, 30, 120), (195, 60, 95), (240, 120, 65), (252, 190, 95), (252, 250, 200))


def coloured(levels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Levels of any shape, 0 to 1, as colours: `(…, 3)`."""
    import numpy as np

    places = np.linspace(0, 1, len(ANCHORS))
    clipped = np.clip(levels, 0, 1)
    channels = [np.interp(clipped, places, column) for column in zip(*ANCHORS, strict=True)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)
