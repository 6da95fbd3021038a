"""Black bars at the edges of a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from avstudio_video.events.black import is_black
from avstudio_video.media.planes import is_full_range, planes

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

LEVEL = 24
"""The mean luma up to which a row or column is part of a bar, in the range from 16 to 235."""
LEAST = 0.02
"""The part of a side below which a bar is not told."""

Box = tuple[int, int, int, int]
"""x, y, width and height of the picture inside its bars, in stored pixels."""


Bars = tuple[int, int, int, int]
"""The widths of the bars on the left, on the right, at the top and at the bottom."""


class Letterbox:
    """Finds the bars that all looked-at pictures have."""

    def __init__(self) -> None:
        self._bars: list[int] | None = None
        self._size = (0, 0)

    def feed(self, bars: Bars, size: tuple[int, int]) -> None:
        """Note the bars of a picture of some width and height."""
        self._size = size
        self._bars = [*bars] if self._bars is None else [min(pair) for pair in zip(self._bars, bars, strict=True)]

    def box(self) -> Box | None:
        """The picture inside its bars, on even pixels; `None` without bars."""
        width, height = self._size
        left, right, top, bottom = (edge - edge % 2 for edge in self._bars or (0, 0, 0, 0))
        horizontal, vertical = left + right >= LEAST * width, top + bottom >= LEAST * height
        left, right = (left, right) if horizontal else (0, 0)
        top, bottom = (top, bottom) if vertical else (0, 0)
        if not left + right + top + bottom:
            return None
        return left, top, width - left - right, height - top - bottom


def bars_of(frame: VideoFrame) -> Bars | None:
    """The bars of a frame, which has components of 8 bits in planes; `None` for a black one."""
    if is_black(frame):
        return None
    luma, *_ = planes(frame)
    level = 0 if is_full_range(frame) else 16
    rows, columns = (luma.mean(axis=axis) <= level + LEVEL - 16 for axis in (1, 0))
    return _leading(columns), _leading(columns[::-1]), _leading(rows), _leading(rows[::-1])


def _leading(dark: object) -> int:
    """How many values from the first one on are true."""
    import numpy as np

    values = np.asarray(dark)
    return len(values) if values.all() else int(np.argmin(values))
