"""Limits of one media file, so that a small file with a false header cannot use all memory or time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from avstudio_core.errors import UnreadableMedia

if TYPE_CHECKING:
    from avstudio_core import Settings


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings `media_seconds`, `media_streams` and `frame_pixels`; 0 seconds or streams set no limit."""

    seconds: float = 21_600.0
    streams: int = 100
    pixels: int = 67_108_864
    """The most pixels of a frame."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        from avstudio_video.settings import FRAME_PIXELS

        return cls(settings.media_seconds, settings.media_streams, settings[FRAME_PIXELS])

    def check_seconds(self, path: Path, seconds: float) -> None:
        """Check a length. Raises `UnreadableMedia`."""
        if 0 < self.seconds < seconds:
            raise UnreadableMedia(
                f"'{path}' has more than {self.seconds:g} s of video.",
                hint="Cut it into parts, or allow more with the setting 'media_seconds'.",
            )

    def check_size(self, path: Path, width: int, height: int) -> None:
        """Check the size of a frame. Raises `UnreadableMedia`."""
        if width * height > self.pixels:
            raise UnreadableMedia(
                f"'{path}' has frames of {width}x{height} pixels, more than {self.pixels} each.",
                hint="Allow more with the setting 'frame_pixels'.",
            )


USUAL = Limits()
"""The limits of the default settings."""
