"""Finds transitions while the frames of a video go by, in memory that does not grow with pictures."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from avstudio_video.libraries import opencv
from avstudio_video.scenes.fades import fades
from avstudio_video.scenes.flashes import flashes
from avstudio_video.scenes.gradual import REACH, candidates, transition_at
from avstudio_video.scenes.transition import Transition

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

BLOCK = 512
"""Frames that are looked at together."""


class TransitionFinder:
    """Keeps the last few hundred frames in a size of 32x18."""

    def __init__(self) -> None:
        self._cv2: Any = opencv("Finding scenes")
        self._recent: list[NDArray[np.uint8]] = []
        self._first = 0
        """The number of the first frame that is kept."""
        self._levels, self._contrasts = array("f"), array("f")
        self._found: list[Transition] = []
        self._near: list[Transition] = []
        """Those that reach the frames that are kept: a new one can meet no others."""

    def feed(self, tiny: Pixels) -> None:
        """Look at the next frame, in the size of the pictures of `gradual`."""
        mean, deviation = self._cv2.meanStdDev(tiny)
        self._levels.append(float(mean.mean()))
        self._contrasts.append(float(deviation.max()))
        self._recent.append(tiny.reshape(-1))
        if len(self._recent) >= BLOCK + 2 * REACH:
            self._search(BLOCK + REACH)
            del self._recent[:BLOCK]
            self._first += BLOCK

    def transitions(self) -> list[Transition]:
        """All transitions of the video, in order."""
        self._search(len(self._recent))
        self._recent = []
        plain = [*fades(self._levels, self._contrasts)]
        rest = [one for one in self._found if not _meets_any(one, plain)]
        return sorted([*plain, *rest], key=lambda one: one.start)

    def _search(self, last: int) -> None:
        """Look for what begins before a place among the frames that are kept."""
        import numpy as np

        if len(self._recent) < 2:
            return
        self._near = [one for one in self._near if one.end > self._first]
        pictures = np.array(self._recent, np.float32)
        first = REACH if self._first else 0
        for one in flashes(pictures):
            if first <= one.start < last:
                self._note(one)
        for place in candidates(pictures, first, last):
            if not self._known(place + self._first) and (found := transition_at(pictures, place)):
                self._note(found)

    def _known(self, number: int) -> bool:
        return any(one.start <= number < one.end for one in self._near)

    def _note(self, found: Transition) -> None:
        """Keep a transition with the numbers of its frames, unless it meets one that fits better."""
        late = self._first
        boundary = None if found.boundary is None else found.boundary + late
        moved = Transition(found.kind, found.start + late, found.end + late, boundary)
        if not any(moved.meets(one) for one in self._near):
            self._near.append(moved)
            self._found.append(moved)


def _meets_any(one: Transition, others: Sequence[Transition]) -> bool:
    """Whether one meets any of those whose starts and ends are in order."""
    number = bisect_left(others, one.end, key=lambda other: other.start)
    return number > 0 and one.meets(others[number - 1])
