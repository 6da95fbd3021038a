"""Flashes: a few frames unlike those around them, after which the same shot goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from avstudio_video.scenes.transition import Transition

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST = 5
"""Frames of a flash: 0.2 s at 25 frames per second."""
LEAST = 12.0
"""The mean difference of components with which a flash begins."""


def flashes(pictures: NDArray[np.float32]) -> Iterator[Transition]:
    """The flashes among small pictures `(frames, values)`, by their places among them."""
    import numpy as np

    jumps = np.abs(np.diff(pictures, axis=0)).mean(1)
    after = 0
    for place in (np.flatnonzero(jumps >= LEAST) + 1).tolist():
        if place < after:
            continue
        before = pictures[place - 1]
        back = np.abs(pictures[place + 1 : place + 1 + LONGEST] - before).mean(1) < jumps[place - 1] / 2
        if back.any():
            after = place + 1 + int(back.argmax())
            yield Transition("flash", place, after, None)
