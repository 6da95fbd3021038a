"""Pictures for scenes that are not known yet: candidates are kept until the end of the video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_video.frames.files import encoded
from avstudio_video.frames.picture import Shape

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    from avstudio_core.documents.scenes import Scene
    from avstudio_video.frames.choice import FrameTimeline

OFTEN = 0.25
"""The most seconds between candidates."""
QUALITY = 85


class Thumbnails:
    """Keeps a small JPEG several times a second."""

    def __init__(self, width: int, shortest: float, unit: Fraction, new_path: Callable[[str], Path]) -> None:
        """For pictures of some width in pixels, and scenes of at least `shortest` seconds."""
        from av.video.reformatter import VideoReformatter

        self._width, self._new_path = width, new_path
        self._step = min(OFTEN, max(shortest / 2, 0.01)) / unit
        self._scaler = VideoReformatter()
        self._files: dict[int, Path] = {}
        self._next: float | None = None

    def feed(self, stamp: int, frame: VideoFrame, rotation: int, aspect: Fraction) -> None:
        """Keep a frame, if the last candidate is long ago."""
        if self._next is not None and stamp < self._next:
            return
        self._next = stamp + float(self._step)
        pixels = Shape(rotation, aspect, width=self._width).pixels(frame, self._scaler)
        path = self._new_path(f"candidate_{stamp}.jpg")
        path.write_bytes(encoded(pixels, "jpeg", QUALITY))
        self._files[stamp] = path

    def chosen(self, scenes: Sequence[Scene], timeline: FrameTimeline, count: int) -> list[list[Path]]:
        """For each scene, the candidates nearest to the middles of `count` equal parts of it."""
        times = {timeline.time(stamp): path for stamp, path in self._files.items()}
        found = []
        for scene in scenes:
            inside = [time for time in times if scene.start <= time < scene.end] or [*times]
            part = (scene.end - scene.start) / count
            middles = (scene.start + (number + 0.5) * part for number in range(count))
            nearest = [min(inside, key=lambda time, middle=middle: abs(time - middle)) for middle in middles]  # type: ignore[misc]
            found.append([times[time] for time in nearest])
        return found
