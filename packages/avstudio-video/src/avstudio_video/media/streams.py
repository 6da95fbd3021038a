"""The streams of an open file: their start, their first frame and their size on the screen."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_video.media.container import open_media
from avstudio_video.media.limits import Limits

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.frame import VideoFrame

TRIES = 200
"""Packets that are decoded to find a first frame."""


def is_cover(stream: Stream) -> bool:
    """Whether a video stream is the cover picture of a sound file."""
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def origin_of(container: InputContainer) -> Fraction:
    """The first time stamp of a file in seconds: players, and all times of this package, count from it."""
    return Fraction(container.start_time or 0, 1_000_000)


def first_frame(path: Path, number: int, limits: Limits) -> VideoFrame | None:
    """The first frame of a stream that can be decoded, or `None`."""
    import av

    with open_media(path, limits) as container, suppress(av.FFmpegError, OSError, IndexError):
        stream: Any = container.streams[number]
        for tried, packet in enumerate(container.demux(stream)):
            with suppress(av.FFmpegError):
                if frames := stream.decode(packet):
                    found: VideoFrame = frames[0]
                    return found
            if tried > TRIES:
                return None
    return None


def square_size(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """The size of a picture with square pixels: the height is kept."""
    return max(1, round(width * aspect)), height


def display_size(width: int, height: int, rotation: int) -> tuple[int, int]:
    """The size of a picture after its rotation in degrees, upright."""
    return (height, width) if rotation % 180 else (width, height)


def stated_end(stream: Any, origin: Fraction) -> float:
    """The end of a stream as its file states it, in seconds from `origin`; 0 if it does not."""
    if stream.duration and stream.duration > 0:
        return float(((stream.start_time or 0) + stream.duration) * (stream.time_base or 0) - origin)
    noted = next((value for key, value in stream.metadata.items() if key.upper() == "DURATION"), "")  # Matroska
    try:
        return sum(float(part) * 60.0**power for power, part in enumerate(reversed(noted.split(":"))))
    except ValueError:
        return 0.0
