"""Pictures spread over a video whose length is only known at its end."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from avstudio_video.frames.picture import Shape
from avstudio_video.frames.sheet import contact_sheet

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

FIRST_STEP = 0.5
"""The most seconds between pictures at first: a file may not state its length, or a wrong one."""
COLUMNS = 5


class SheetFrames:
    """Keeps up to twice as many pictures as are wanted; of more, every second one."""

    def __init__(self, count: int, width: int, stated: float) -> None:
        """For `count` pictures of some width in pixels; `stated` is the length in seconds, or 0."""
        from av.video.reformatter import VideoReformatter

        self._count, self._width = count, width
        self._step = min(stated / count, FIRST_STEP) if stated > 0 else FIRST_STEP
        self._next = self._step / 2
        self._kept: list[tuple[float, Pixels]] = []
        self._early: tuple[float, Pixels] | None = None
        """The first frame, for a video that is too short for others."""
        self._scaler = VideoReformatter()

    def feed(self, time: float, frame: VideoFrame, rotation: int, aspect: Fraction) -> None:
        """Keep a frame that is shown at a time, if the last one is long ago."""
        if self._early is not None and time < self._next:
            return
        pixels = Shape(rotation, aspect, width=self._width).pixels(frame, self._scaler)
        if self._kept and pixels.shape != self._kept[0][1].shape:  # a video whose size changes
            return
        if self._early is None:
            self._early = (time, pixels)
            if time < self._next:
                return
        self._kept.append((time, pixels))
        if len(self._kept) > 2 * self._count:
            self._kept, self._step = self._kept[::2], 2 * self._step
        self._next += self._step * (1 + (time - self._next) // self._step)

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
