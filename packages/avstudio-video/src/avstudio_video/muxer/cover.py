"""The cover picture of a file."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from avstudio_core.errors import InvalidInput, UnreadableMedia
from avstudio_video.media.container import open_media
from avstudio_video.media.limits import Limits
from avstudio_video.media.streams import codec_of, is_cover
from avstudio_video.packets.packet_file import PacketFile

KINDS = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png")}
"""The file name and the media type of a picture by its codec; players know these names."""


@dataclass(frozen=True, slots=True)
class Cover:
    """An encoded picture."""

    codec: str
    width: int
    height: int
    data: bytes


def read_cover(path: Path, name: str, limits: Limits) -> Cover:
    """The picture in a file; one that is neither JPEG nor PNG is converted. Raises `UnreadableMedia`."""
    with open_media(path, limits) as container:
        pictures = container.streams.video
        if not pictures:
            raise UnreadableMedia(f"'{name}' is not a picture.", hint="Give a JPEG or PNG file.")
        stream: Any = pictures[0]
        still = is_cover(stream) or codec_of(stream) in KINDS
        for packet in container.demux(stream):
            if packet.size and (frames := stream.decode(packet) or stream.decode(None)):
                if still and codec_of(stream) in KINDS:
                    return Cover(codec_of(stream), frames[0].width, frames[0].height, bytes(packet))
                return Cover("png", frames[0].width, frames[0].height, _as_png(frames[0]))
    raise UnreadableMedia(f"'{name}' does not have a picture that can be decoded.", hint="Give a JPEG or PNG file.")


def own_cover(path: Path, limits: Limits) -> Cover | None:
    """The cover that a video has, if it is JPEG or PNG."""
    with open_media(path, limits) as container:
        stream: Any = next((one for one in container.streams.video if is_cover(one) and codec_of(one) in KINDS), None)
        if stream is None:
            return None
        packet = next((one for one in container.demux(stream) if one.size), None)
        codec = stream.codec_context
        return packet and Cover(codec_of(stream), codec.width, codec.height, bytes(packet))


class CoverTrack:
    """The cover in a new file: a track of one picture, or an attachment."""

    def __init__(self, file: PacketFile, cover: Cover) -> None:
        """Raises `InvalidInput` for a format without covers."""
        if not file.format.covered:
            raise InvalidInput(f"'{file.name}' does not store a cover picture.", hint="Give the format 'mp4' or 'mkv'.")
        self._file, self._cover = file, cover
        self._stream: Any = None
        if not file.format.edited:
            file.container.add_attachment(*KINDS[cover.codec], cover.data)
        else:
            from av.stream import Disposition

            self._stream = file.container.add_mux_stream(cover.codec, width=cover.width, height=cover.height)
            self._stream.disposition = Disposition.attached_pic

    def write(self) -> None:
        """Write the picture; it must come before other packets end."""
        import av

        if self._stream is None:
            return
        self._file.container.start_encoding()
        packet: Any = av.Packet(self._cover.data)
        packet.time_base, packet.pts, packet.dts = self._stream.time_base, 0, 0
        packet.stream, packet.is_keyframe = self._stream, True
        self._file.container.mux(packet)


def _as_png(frame: Any) -> bytes:
    import av

    encoder = av.VideoCodecContext.create("png", "w")
    picture = frame.reformat(format="rgb24")
    encoder.width, encoder.height, encoder.pix_fmt = picture.width, picture.height, "rgb24"
    encoder.time_base = Fraction(1)
    return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])
