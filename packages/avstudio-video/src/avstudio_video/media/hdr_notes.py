"""What an HDR picture tells beside its colours."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from avstudio_video.media.streams import notes_of

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

POINT, LUMINANCE = 50_000, 10_000
"""Units of a coordinate of a colour, and of one cd/m²."""
MOST = 1 << 32
"""A damaged file can state numbers that encoders refuse."""
DOLBY = {"DOVI_METADATA", "DOVI_RPU_BUFFER"}


@dataclass(frozen=True, slots=True)
class HdrNotes:
    """The display on which it was mastered, and how bright it is; nothing for a file that does not tell it."""

    display: tuple[int, ...] = ()
    """x and y of green, blue, red and white in 1/50,000; the most and the least light in 1/10,000 cd/m² (ST 2086)."""
    light: tuple[int, ...] = ()
    """cd/m² of the brightest pixel, and the highest mean of a frame (CTA-861.3)."""
    dolby: bool = False
    """Whether it has the metadata of Dolby Vision."""

    @classmethod
    def of(cls, frame: VideoFrame) -> Self:
        """The notes of a frame."""
        notes = notes_of(frame)
        display, light = notes.get("MASTERING_DISPLAY_METADATA"), notes.get("CONTENT_LIGHT_LEVEL")
        return cls(
            _display(display) if display else (),
            struct.unpack_from("=2I", light) if light else (),
            bool(DOLBY & notes.keys()),
        )


UNTOLD = HdrNotes()


def _display(data: bytes) -> tuple[int, ...]:
    """FFmpeg's `AVMasteringDisplayMetadata`: ten fractions, of which two words tell whether they are set."""
    *numbers, has_points, has_light = struct.unpack_from("=22i", data)
    if not (has_points and has_light and all(numbers[1::2])):
        return ()
    parts = [numerator / denominator for numerator, denominator in zip(numbers[::2], numbers[1::2], strict=True)]
    red, green, blue, white, (low, high) = (parts[place : place + 2] for place in range(0, 10, 2))
    points = [round(one * POINT) for one in (*green, *blue, *red, *white)]
    found = *points, round(high * LUMINANCE), round(low * LUMINANCE)
    return found if all(0 <= one < MOST for one in found) else ()
