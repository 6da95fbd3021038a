"""Spans in which the picture does not change, equal to those of FFmpeg's `freezedetect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from avstudio_video.events.span import EventSpan
from avstudio_video.libraries import opencv
from avstudio_video.media.planes import planes

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

LIKE = 0.001
"""The mean difference of all components (1 is the whole range) up to which pictures are alike: −60 dB."""


class FreezeSpans:
    """Finds spans of pictures that are like the one with which the span begins."""

    def __init__(self) -> None:
        self._cv2: Any = opencv("Finding frozen pictures")
        self.spans: list[EventSpan] = []
        self._first: Any = None
        self._start = self._last = 0

    def feed(self, stamp: int, frame: VideoFrame) -> None:
        """Look at the next frame, which has components of 8 bits in planes."""
        found = planes(frame)
        if self._first is not None and self._alike(found):
            self._last = stamp
            return
        self._end(stamp)
        self._first, self._start, self._last = found, stamp, stamp

    def finish(self) -> None:
        """End the last span with the video."""
        self._end(None)

    def _end(self, stamp: int | None) -> None:
        if self._first is not None and self._last > self._start:
            self.spans.append(EventSpan(self._start, stamp))

    def _alike(self, found: list[Any]) -> bool:
        if any(one.shape != first.shape for one, first in zip(found, self._first, strict=True)):
            return False
        differences = [
            self._cv2.norm(one, first, self._cv2.NORM_L1) for one, first in zip(found, self._first, strict=True)
        ]
        return bool(sum(differences) / sum(one.size for one in found) / 256 <= LIKE)
