"""Frames at which a decoder can start in the middle of a stream, which not every key frame is.

With open groups of pictures (ITU-T H.264 and H.265, 7.4.2.4), the order of frames counts on from the group before:
after other frames, some would be lost or out of order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from avstudio_video.media.opacity import begins
from avstudio_video.media.streams import codec_of

if TYPE_CHECKING:
    from av.packet import Packet

H264_IDR = 5
HEVC_CRA, HEVC_BLA_WITHOUT_LEADING = 21, 18
_START = b"\x00\x00\x01"


def is_restart(packet: Packet[Any]) -> bool:
    """Whether other frames than those of its own stream can be before it."""
    if codec_of(packet.stream) != "h264" or not packet.is_keyframe:
        return begins(packet)
    data = bytes(packet)
    return any(data[at] & 31 == H264_IDR for at in _units(data, packet.stream.codec_context.extradata or b"", 4))


def restarting(packet: Packet[Any]) -> Packet[Any]:
    """The packet, or a copy that tells an H.265 decoder that the frames before it are missing."""
    if codec_of(packet.stream) != "hevc":
        return packet
    data = bytearray(packet)
    for at in _units(bytes(data), packet.stream.codec_context.extradata or b"", 21):
        if data[at] >> 1 & 63 == HEVC_CRA:
            data[at] = data[at] & 0x81 | HEVC_BLA_WITHOUT_LEADING << 1
    return _copy(packet, bytes(data))


def _copy(packet: Packet[Any], data: bytes) -> Packet[Any]:
    import av

    copy: Packet[Any] = av.Packet(data)
    copy.stream, copy.time_base, copy.is_keyframe = packet.stream, packet.time_base, packet.is_keyframe
    copy.pts, copy.dts, copy.duration = packet.pts, packet.dts, packet.duration
    return copy


def _units(data: bytes, extradata: bytes, place: int) -> Iterator[int]:
    """Where each NAL unit begins; `place` is where the extradata states how long the lengths before them are."""
    if extradata[:1] != b"\x01":
        at = data.find(_START)
        while 0 <= at < len(data) - len(_START):
            yield at + len(_START)
            at = data.find(_START, at + len(_START))
        return
    width, at = (extradata[place] & 3) + 1, 0
    while at + width < len(data):
        yield at + width
        at += width + int.from_bytes(data[at : at + width], "big")
