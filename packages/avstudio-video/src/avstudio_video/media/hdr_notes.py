"""What an HDR picture tells beside its colours."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from avstudio_video.media.streams import notes_of

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

POINT, LUMINANCE = 50_000, 10_000
"""Units of a coordinate of a colour, and of one cd/m²."""
MOST = 1 << 32
"""Encoders refuse numbers from here on."""
DOLBY = {"DOVI_METADATA", "DOVI_RPU_BUFFER"}


@dataclass(frozen=True, slots=True)
class HdrNotes:
    """The display on which it was mastered, and how bright it is; nothing for a file that does not tell it."""

    points: tuple[int, ...] = ()
    """x and y of green, blue, red and white of the display in 1/50,000 (SMPTE ST 2086)."""
    luminance: tuple[int, ...] = ()
    """The most and the least light of the display in 1/10,000 cd/m²."""
    light: tuple[int, ...] = ()
    """cd/m² of the brightest pixel, and the highest mean of a frame (CTA-861.3)."""
    dolby: bool = False
    """Whether it has the metadata of Dolby Vision."""

    @classmethod
    def of(cls, frame: VideoFrame) -> Self:
        """The notes of a frame."""
        notes = notes_of(frame)
        display, light = notes.get("MASTERING_DISPLAY_METADATA"), notes.get("CONTENT_LIGHT_LEVEL")
        points, luminance = _display(display) if display else ((), ())
        return cls(points, luminance, struct.unpack_from("=2I", light) if light else (), bool(DOLBY & notes.keys()))

    @property
    def told(self) -> bool:
        """Whether it has the metadata of HDR10."""
        return bool(self.points or self.luminance or any(self.light))


UNTOLD = HdrNotes()


def _display(data: bytes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """FFmpeg's `AVMasteringDisplayMetadata`: ten fractions, and whether the points and the light are set."""
    *numbers, has_points, has_light = struct.unpack_from("=22i", data)
    parts = [over / under if under else -1 for over, under in zip(numbers[::2], numbers[1::2], strict=True)]
    red, green, blue, white, (low, high) = (parts[place : place + 2] for place in range(0, 10, 2))
    points = _counted((*green, *blue, *red, *white), POINT) if has_points else ()
    return points, _counted((high, low), LUMINANCE) if has_light else ()


def _counted(values: Sequence[float], units: int) -> tuple[int, ...]:
    """Values in units; none of a damaged file, in which one is negative or too large for encoders."""
    found = tuple(round(one * units) for one in values)
    return found if all(0 <= one < MOST for one in found) else ()
