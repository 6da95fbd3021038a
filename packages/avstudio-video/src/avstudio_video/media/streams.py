"""The streams of an open file: their start, their first frame and their size on the screen."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

TRIES = 200
"""Packets that are decoded to find a first frame."""


def is_cover(stream: Stream) -> bool:
    """Whether a video stream is the cover picture of a sound file."""
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def origin_of(container: InputContainer) -> Fraction:
    """The first time stamp of a file in seconds: players, and all times of this package, count from it."""
    return Fraction(container.start_time or 0, 1_000_000)


def first_frame(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    """The first frame that can be decoded, or `None`; the container is at its start afterwards."""
    import av

    with suppress(av.FFmpegError, OSError):
        container.seek(0)
    found = None
    try:
        for number, packet in enumerate(container.demux(stream)):
            with suppress(av.FFmpegError):
                found = next(iter(stream.decode(packet)), None)
            if found or number > TRIES:
                break
    except (av.FFmpegError, OSError, IndexError):
        pass
    with suppress(av.FFmpegError, OSError):
        container.seek(0)
    return found


def square_size(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """The size of a picture with square pixels: the height is kept."""
    return max(1, round(width * aspect)), height


def display_size(width: int, height: int, rotation: int) -> tuple[int, int]:
    """The size of a picture after its rotation in degrees, upright."""
    return (height, width) if rotation % 180 else (width, height)
