"""Pictures spread over a video whose length is only known at its end."""

from __future__ import annotations

from fractions import Fraction
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


class SheetSteps(Steps):
    """Steps that become twice as long again and again: at any time there were up to twice as many as are wanted."""

    def __init__(self, count: int, stated: float) -> None:
        """For `count` pictures; `stated` is the length of the video that its file states, in seconds, or 0."""
        length = min(stated / count, FIRST_STEP) if stated > 0 else FIRST_STEP
        super().__init__(length, length / 2)
        self._count = count

    def of(self, time: float | Fraction) -> int:
        """The number of the first step at which the longer step begins that has a time."""
        step = super().of(time)
        return step - step % self.stride(step)

    def stride(self, step: int) -> int:
        """How many times as long as the first one a step is."""
        return 1 << (max(0, step) // (2 * self._count)).bit_length()


class SheetFrames:
    """Keeps a picture of each step, and fewer of the earlier ones when steps become longer."""

    def __init__(self, count: int, steps: SheetSteps) -> None:
        self._count, self._steps = count, steps
        self._last = -1
        self._kept: list[tuple[int, float, Pixels]] = []
        """The step of a picture, its time, and its pixels."""
        self._early: tuple[int, float, Pixels] | None = None
        """The first picture, for a video that is too short for others."""

    def feed(self, time: float, pixels: Pixels) -> None:
        """Keep the picture of a frame that is shown at a time, if it is the first one of its step."""
        step = self._steps.of(time)
        self._early = self._early or (step, time, pixels)
        if step <= self._last:
            return
        self._last, stride = step, self._steps.stride(step)
        if pixels.shape == self._early[2].shape:  # the size of a video can change
            self._kept.append((step, time, pixels))
        self._kept = [one for one in self._kept if one[0] % stride == 0]

    def sheet(self) -> Pixels | None:
        """The contact sheet, with times; `None` without a frame."""
        import numpy as np

        kept = self._kept or ([self._early] if self._early else [])
        if not kept:
            return None
        count = min(self._count, len(kept))
        chosen = [kept[(2 * number + 1) * len(kept) // (2 * count)] for number in range(count)]
        times, pictures = [time for _, time, _ in chosen], [pixels for _, _, pixels in chosen]
        return contact_sheet(np.stack(pictures), times, COLUMNS, labels=True)
