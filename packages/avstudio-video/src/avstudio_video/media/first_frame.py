"""The first frame of a stream, which tells what its header does not: pixel format, rotation, fields."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_video.media.container import open_media
from avstudio_video.media.limits import Limits
from avstudio_video.media.picture_decoder import PictureDecoder, picture_decoder

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
        decoder = picture_decoder(stream)
        for tried, packet in enumerate(container.demux(stream)):
            if found := first_of(decoder, packet):
                return found
            if tried > TRIES:
                return None
    return None


def first_of(decoder: PictureDecoder, packet: Any) -> VideoFrame | None:
    """The first frame that a packet gives, if one can be decoded."""
    import av

    with suppress(av.FFmpegError):
        for frame in decoder.decode(packet):
            return frame
    return None
