"""Pictures spread over a video whose length is only known at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from avstudio_video.frames.sheet import contact_sheet
from avstudio_video.media.steps import Steps

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

FIRST_STEP = 0.5
"""The most seconds between pictures at first: a file may not state its length, or a wrong one."""
COLUMNS = 5


def sheet_steps(count: int, stated: float) -> Steps:
    """The steps from which pictures are taken, in seconds; `stated` is the length that the file states, or 0."""
    length = min(stated / count, FIRST_STEP) if stated > 0 else FIRST_STEP
    return Steps(length, length / 2)


class SheetFrames:
    """Keeps up to twice as many pictures as are wanted; of more, every second one."""

    def __init__(self, count: int, steps: Steps) -> None:
        self._count, self._steps = count, steps
        self._next, self._stride = 0, 1
        self._kept: list[tuple[float, Pixels]] = []
        self._early: tuple[float, Pixels] | None = None
        """The first picture, for a video that is too short for others."""

    def feed(self, time: float, pixels: Pixels) -> None:
        """Keep the picture of a frame that is shown at a time, if the last one is long ago."""
        step = self._steps.of(time)
        self._early = self._early or (time, pixels)
        if step < self._next or (self._kept and pixels.shape != self._kept[0][1].shape):  # its size changes
            return
        self._kept.append((time, pixels))
        if len(self._kept) > 2 * self._count:
            self._kept, self._stride = self._kept[::2], 2 * self._stride
        self._next += self._stride * (1 + (step - self._next) // self._stride)

    def sheet(self) -> Pixels | None:
        """The contact sheet, with times; `None` without a frame."""
        import numpy as np

        kept = self._kept or ([self._early] if self._early else [])
        if not kept:
            return None
        count = min(self._count, len(kept))
        chosen = [kept[(2 * number + 1) * len(kept) // (2 * count)] for number in range(count)]
        return contact_sheet(
            np.stack([pixels for _, pixels in chosen]), [time for time, _ in chosen], COLUMNS, labels=True
        )
