"""Spans in which the picture is black, equal to those of FFmpeg's `blackdetect`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from avstudio_video.events.span import EventSpan
from avstudio_video.media.planes import is_full_range, planes

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

LEVEL = 0.10
"""Pixels up to this part of the range of luma are black."""
SHARE = 0.98
"""The part of the pixels that are black in a black picture."""


class BlackSpans:
    """Finds spans of black pictures."""

    def __init__(self) -> None:
        self.spans: list[EventSpan] = []
        self._start: int | None = None

    def feed(self, stamp: int, *, black: bool) -> None:
        """Note whether the next frame is black."""
        if black:
            self._start = stamp if self._start is None else self._start
        elif self._start is not None:
            self.spans.append(EventSpan(self._start, stamp))
            self._start = None

    def finish(self) -> None:
        """End the last span with the video."""
        if self._start is not None:
            self.spans.append(EventSpan(self._start, None))


def is_black(frame: VideoFrame) -> bool:
    """Whether a frame, which has components of 8 bits in planes, is black."""
    import numpy as np

    highest = int(LEVEL * 255 if is_full_range(frame) else 16 + LEVEL * 219)
    luma, *_ = planes(frame)
    return bool(np.count_nonzero(luma <= highest) >= SHARE * luma.size)
