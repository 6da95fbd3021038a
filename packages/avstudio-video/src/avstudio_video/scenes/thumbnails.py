"""Pictures for scenes that are not known yet: candidates are kept until the end of the video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from avstudio_core.documents.scenes import Scene
    from avstudio_video.frames.choice import FrameTimeline

OFTEN = 0.25
"""The most seconds between candidates."""
QUALITY = 85


def thumbnail_step(shortest: float, unit: Fraction) -> Fraction:
    """The time between candidates, in time stamps of a unit, for scenes of at least `shortest` seconds."""
    return Fraction(min(OFTEN, max(shortest / 2, 0.01))) / unit


class Thumbnails:
    """Keeps a small JPEG several times a second."""

    def __init__(self, new_path: Callable[[str], Path]) -> None:
        self._new_path = new_path
        self._files: dict[int, Path] = {}

    def feed(self, stamp: int, picture: bytes) -> None:
        """Keep the picture of a frame, which is the first one of its step."""
        path = self._new_path(f"candidate_{stamp}.jpg")
        path.write_bytes(picture)
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
