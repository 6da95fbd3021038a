"""The decoder of a stream of pictures; VP8 and VP9 with transparency need two of FFmpeg's."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, cast

from avstudio_video.media.opacity import second_picture
from avstudio_video.media.planes import CLEAR_FORMATS, planes
from avstudio_video.media.streams import codec_of

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame

CLEAR_CODECS = ("vp8", "vp9")
PARAMETERS = (
    "extradata", "codec_tag", "width", "height", "pix_fmt", "bits_per_coded_sample", "field_order",
    "sample_aspect_ratio", "color_range", "color_primaries", "color_trc", "colorspace", "options",
)  # fmt: skip


WAITING = 8
"""Second pictures that wait for their frames, beside those of the frames that threads hold."""


class PictureDecoder(Protocol):
    """Decodes the packets of one stream in their order; `None` gives the last frames."""

    def decode(self, packet: Packet[Any] | None, /) -> list[VideoFrame]: ...


def picture_decoder(stream: Stream) -> PictureDecoder:
    """The decoder of an open stream, also after seeking in its file to a packet that `begins`."""
    codec = cast("VideoCodecContext", stream.codec_context)
    return ClearDecoder(codec) if states_opacity(stream) else codec


def states_opacity(stream: Stream) -> bool:
    """Whether its header states that its pictures are transparent in places."""
    tags = {name.lower(): value for name, value in stream.metadata.items()}
    return codec_of(stream) in CLEAR_CODECS and tags.get("alpha_mode") == "1"


class ClearDecoder:
    """Decodes colours with the codec of the stream, and opacity, the luma of a second picture, with another one.

    A frame without a second picture is opaque. One whose second picture is damaged is left out.
    Pictures of more than 8 bits stay as they are.
    """

    def __init__(self, codec: VideoCodecContext) -> None:
        from av.video.reformatter import VideoReformatter

        self._codec, self._opacity = codec, another(codec)
        self._opacity.thread_count = 1  # so that the second picture is there before the first one
        self._masks: dict[int | None, VideoFrame | None] = {}
        self.left_out = 0
        self._scaler = VideoReformatter()

    def decode(self, packet: Packet[Any] | None, /) -> list[VideoFrame]:
        """The frames that a packet completes."""
        if packet is not None:
            self._read(packet)
        made = [self._clear(frame) for frame in self._codec.decode(packet)]
        return [frame for frame in made if frame is not None]

    def _read(self, packet: Packet[Any]) -> None:
        import av

        if (picture := second_picture(packet)) is None:
            return
        second: Any = av.Packet(picture)
        second.pts, second.time_base = packet.pts, packet.time_base
        self._masks[packet.pts] = None
        with suppress(av.FFmpegError):
            self._masks |= {frame.pts: frame for frame in self._opacity.decode(second)}
        while len(self._masks) > WAITING + self._codec.thread_count:
            del self._masks[next(iter(self._masks))]

    def _clear(self, frame: VideoFrame) -> VideoFrame | None:
        opaque, mask = frame.pts not in self._masks, self._masks.get(frame.pts)
        self._masks = {time: one for time, one in self._masks.items() if (time or 0) > (frame.pts or 0)}
        if not (name := CLEAR_FORMATS.get(frame.format.name)):
            return frame
        if opaque:
            return self._scaler.reformat(frame, format=name, threads=1)
        if mask is None or mask.format.name not in CLEAR_FORMATS or _size(mask) != _size(frame):
            self.left_out += 1
            return None
        made = self._scaler.reformat(frame, format=name, threads=1)
        planes(made)[3][:] = planes(mask)[0]
        return made


def left_out(decoder: PictureDecoder) -> int:
    """The frames that were decoded without their opacity, and not given."""
    return decoder.left_out if isinstance(decoder, ClearDecoder) else 0


def _size(frame: VideoFrame) -> tuple[int, int]:
    return frame.width, frame.height


def another(codec: VideoCodecContext) -> VideoCodecContext:
    """A second decoder of the same stream, for a decoder that has not begun."""
    import av

    made: Any = av.CodecContext.create(codec.codec, "r")
    for name in PARAMETERS:
        if (value := getattr(codec, name)) is not None:
            setattr(made, name, value)
    made.thread_count = codec.thread_count
    made.reorder_depth = codec.reorder_depth
    return made  # type: ignore[no-any-return]
