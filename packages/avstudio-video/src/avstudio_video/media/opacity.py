"""The second picture in a packet of transparent VP8 or VP9: where the first one is opaque."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from avstudio_video.media.streams import codec_of

if TYPE_CHECKING:
    from av.packet import Packet

OPACITY: Final = "matroska_block_additional"
"""What a packet has beside its picture: a number and, for the number 1, another picture (Matroska, BlockAdditional)."""
NUMBER = (1).to_bytes(8, "big")


def second_picture(packet: Packet[Any]) -> bytes | None:
    """The picture of the opacity, in the codec of the first one; `None` for a packet that is opaque everywhere."""
    data = bytes(packet.get_sidedata(OPACITY)) if packet.has_sidedata(OPACITY) else b""
    return data.removeprefix(NUMBER) if data.startswith(NUMBER) else None


def begins(packet: Packet[Any]) -> bool:
    """Whether a decoder can start with it: its pictures are key frames, both of them if there are two.

    Encoders put those of the opacity where they like.
    """
    if not packet.is_keyframe:
        return False
    second = second_picture(packet)
    return not second or _is_key(second[0], vp8=codec_of(packet.stream) == "vp8")


def _is_key(first: int, *, vp8: bool) -> bool:
    """Whether a frame with this first byte is a key frame (RFC 6386, 9.1; VP9 bitstream, 6.2)."""
    return not first & 1 if vp8 else not first & 0b1100
