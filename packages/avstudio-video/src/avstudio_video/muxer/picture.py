"""A picture that is encoded again, because its container does not take it or because it is drawn on."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import InvalidInput
from avstudio_video.encoding.colour_tags import ColourTags
from avstudio_video.encoding.encoder_choice import chosen_encoder
from avstudio_video.encoding.tone_map import SDR, ToneMap
from avstudio_video.encoding.video_track import VideoEncoding, VideoShape, VideoTrack
from avstudio_video.media.indexed import IndexedStream
from avstudio_video.muxer.feeds import Feed

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    from avstudio_video.packets.packet_file import PacketFile


@dataclass
class PicturePart:
    """Frames that are decoded and encoded, each at its own time."""

    stream: Any
    track: VideoTrack
    shift: Fraction
    """What is added to their time stamps, in seconds."""
    end: Fraction | None
    """The end of the new file, if something is cut there."""
    known: IndexedStream
    to_sdr: bool = False
    """Whether HDR is converted to BT.709."""
    lost: int = 0
    """Packets that cannot be decoded."""
    _tones: ToneMap | None = None
    _until: Fraction = Fraction(0)
    _last: Fraction = Fraction(-1)

    def items(self, packet: Any, time: Fraction) -> Feed:
        yield time, partial(self._feed, packet)

    def rest(self, time: Fraction) -> Feed:
        yield time, partial(self._feed, None)
        yield time, self._finish

    def _feed(self, packet: Any) -> None:
        import av

        try:
            frames = self.stream.decode(packet)
        except av.FFmpegError:
            self.lost += 1
            return
        unit = Fraction(self.stream.time_base)
        for frame in (one for one in frames if one.pts is not None):
            time = frame.pts * unit + self.shift
            if time > self._last and time >= 0 and (self.end is None or time < self.end):
                self.track.write(self._lit(frame), time)
                self._last, self._until = time, time + (frame.duration or 0) * unit

    def _lit(self, frame: VideoFrame) -> VideoFrame:
        if not self.to_sdr:
            return frame
        self._tones = self._tones or ToneMap(frame, self.track.format)
        return self._tones.of(frame)

    def _finish(self) -> None:
        self.track.finish(self._until)


def loses_hdr(known: IndexedStream, encoding: VideoEncoding) -> bool:
    """Whether a picture is HDR, and its encoder only has pictures of 8 bits."""
    size = known.width, known.height
    return known.hdr and not chosen_encoder(encoding.codec, encoding.encoder, size).is_deep


def encoded_picture(file: PacketFile, stream: Any, known: IndexedStream, encoding: VideoEncoding) -> VideoTrack:
    """The track of a picture as it is stored, with its rotation as a tag. Raises `InvalidInput` for an odd size."""
    if known.width % 2 or known.height % 2:
        message = f"A picture of {known.width}x{known.height} pixels cannot be encoded as '{encoding.codec}':"
        raise InvalidInput(f"{message} both have to be even.", hint="Scale or crop it first.")
    codec = stream.codec_context
    tags = SDR if loses_hdr(known, encoding) else ColourTags.of(codec)
    shape = VideoShape(
        known.width,
        known.height,
        None if known.index.variable else known.rate,
        Fraction(stream.time_base),
        tags,
        codec.pix_fmt or "yuv420p",
        known.aspect,
        known.notes,
    )
    track = VideoTrack(file.container, file.name, encoding, shape)
    if known.rotation:
        made: Any = file.container.streams[-1]
        made.set_display_rotation(known.rotation)
    return track
