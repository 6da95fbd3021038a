"""The first frame of a stream, which tells what its header does not: pixel format, rotation, fields."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_video.media.container import open_media
from avstudio_video.media.limits import Limits
from avstudio_video.media.picture_codec import picture_codec

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

TRIES = 200
"""Packets that are decoded to find it."""


def first_frame(path: Path, number: int, limits: Limits) -> VideoFrame | None:
    """The first frame of a stream that can be decoded, or `None`, also for one of an unknown codec."""
    import av

    with open_media(path, limits) as container, suppress(av.FFmpegError, OSError, IndexError):
        stream: Any = container.streams[number]
        if stream.codec_context is None:
            return None
        codec = picture_codec(stream)
        for tried, packet in enumerate(container.demux(stream)):
            if found := first_of(codec, packet):
                return found
            if tried > TRIES:
                return None
    return None


def first_of(codec: Any, packet: Any) -> VideoFrame | None:
    """The first frame that a packet gives, if one can be decoded."""
    import av

    with suppress(av.FFmpegError):
        for frame in codec.decode(packet):
            found: VideoFrame = frame
            return found
    return None
