"""The pictures of a file that is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import InvalidInput
from avstudio_video.encoding.colour_tags import FULL, UNTAGGED, ColourTags
from avstudio_video.encoding.containers import CONTAINERS, ContainerName, VideoCodec
from avstudio_video.encoding.encoder_choice import EncoderKind, chosen_encoder, open_silently
from avstudio_video.encoding.hdr_options import hdr_options
from avstudio_video.encoding.palette import Palette
from avstudio_video.encoding.video_codecs import Effort, Encoder
from avstudio_video.media.hdr_notes import UNTOLD, HdrNotes

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.frame import VideoFrame

FINEST = 10_000
"""Units of a second, at least, in which times of a constant rate are counted."""
FEW = 2
"""Frames of a video that is too short to be decoded in another order; x265 writes wrong times for it."""


@dataclass(frozen=True, slots=True)
class VideoEncoding:
    """How pictures are encoded."""

    codec: VideoCodec
    quality: int = 50
    """0 to 100; 50 is good for viewing."""
    effort: Effort = "balanced"
    encoder: EncoderKind = "software"
    bit_rate: int | None = None
    """Mean bits per second, in place of the quality."""
    key_interval: float | None = None
    """Seconds between key frames at most; 0 makes each frame one."""
    faithful: bool = False
    """Keep the pixel format of frames where the encoder can, also one that few players show."""


@dataclass(frozen=True, slots=True)
class VideoShape:
    """What the frames are; those of 4:2:0 have an even width and height."""

    width: int
    height: int
    rate: Fraction | None = None
    """Frames per second; `None` if they have different lengths."""
    unit: Fraction = Fraction(1, 90_000)
    """The unit of times, in seconds, without a constant rate."""
    tags: ColourTags = UNTAGGED
    pixels: str = "yuv420p"
    """FFmpeg's name of the pixel format, to keep its bits and its colour where the encoder can."""
    aspect: Fraction = Fraction(1)
    """Width of a pixel to its height."""
    notes: HdrNotes = UNTOLD
    """What an HDR picture tells beside its colours, to keep it where the encoder can."""

    @property
    def matrix(self) -> int:
        """That of its colours, or what players assume without a tag."""
        return self.tags.matrix_at(self.height)


class VideoTrack:
    """Encodes frames as they come, each shown until the next one."""

    def __init__(
        self, container: OutputContainer, name: ContainerName, encoding: VideoEncoding, shape: VideoShape
    ) -> None:
        """Raises `InvalidInput` if this machine cannot encode it."""
        from av.video.reformatter import VideoReformatter

        self.encoder = chosen_encoder(encoding.codec, encoding.encoder, (shape.width, shape.height))
        self.format = self.encoder.format_for(shape.pixels, faithful=encoding.faithful)
        self.frames = 0
        self._container, self._shape = container, shape
        self.unit = CONTAINERS[name].unit or _unit(shape)
        self._stream = self._added(encoding, ordered=CONTAINERS[name].edited)
        self._scaler = VideoReformatter()
        self._held: VideoFrame | None = None
        self._lengths: dict[int, int] = {}
        self._key_interval = encoding.key_interval if shape.rate is None else None
        self._last_key: int | None = None
        self._palette = self._new_palette() if encoding.codec == "gif" else None

    @property
    def metadata(self) -> dict[str, str]:
        """The tags of the track in the file."""
        tags: dict[str, str] = self._stream.metadata
        return tags

    def write(self, frame: VideoFrame, time: Fraction) -> None:
        """Encode the next frame, upright, which is shown from `time` in seconds on.

        A frame that would begin in the same unit of time as the one before replaces it.
        """
        stamp = round(time / self.unit)
        if self._held is not None and self._held.pts is not None:
            if stamp > self._held.pts:
                self._emit(self._held, stamp)
            elif stamp < self._held.pts:
                raise ValueError("The times of frames must increase.")
        self._held = self._prepared(frame, stamp)

    def finish(self, end: Fraction) -> None:
        """Encode what is left; the last frame is shown until `end` (in `webp` and `apng` as long as the usual one)."""
        if self._held is not None and self._held.pts is not None:
            self._emit(self._held, max(round(end / self.unit), self._held.pts + 1))
            self._held = None
        if self._palette:
            for frame in self._palette.frames():
                self._mux(self._stream.encode(frame))
        self._mux(self._stream.encode(None))

    def _added(self, encoding: VideoEncoding, *, ordered: bool) -> Any:
        """The stream of the file, with an encoder that is set up."""
        shape = self._shape
        stream: Any = self._container.add_stream(self.encoder.name, rate=shape.rate or Fraction(30))
        stream.width, stream.height, stream.pix_fmt = shape.width, shape.height, self.format
        context = stream.codec_context
        context.time_base = stream.time_base = self.unit
        context.sample_aspect_ratio = shape.aspect
        if self.format not in ("pal8", "rgb24"):
            shape.tags.put_on(context)
        if encoding.codec == "hevc":
            context.codec_tag = "hvc1" if ordered else context.codec_tag
        if encoding.key_interval is not None:
            context.gop_size = max(1, round(encoding.key_interval * (shape.rate or 30)))
        if ordered and shape.rate is None:  # else the length of the last frame would be that of another
            context.max_b_frames = 0
        context.options = _options(
            self.encoder, encoding, hdr_options(shape.notes, shape.tags.transfer, self.encoder.name)
        )
        open_silently(context)
        return stream

    def _new_palette(self) -> Palette:
        return Palette(self._shape.width, self._shape.height, self.unit, Path(self._container.name).parent)

    def _prepared(self, frame: VideoFrame, stamp: int) -> VideoFrame:
        """A frame in the pixel format of the encoder, with its time."""
        shape = self._shape
        if (frame.width, frame.height) != (shape.width, shape.height):
            message = f"A frame of {frame.width}x{frame.height} pixels cannot be written to a video of"
            raise InvalidInput(f"{message} {shape.width}x{shape.height} pixels.", hint="Scale all frames to one size.")
        wanted = "bgra" if self._palette else self.format
        if frame.format.name != wanted:
            frame = self._scaler.reformat(frame, format=wanted, threads=1, **self._colours(frame, wanted))
        frame.pts, frame.time_base, frame.pict_type = stamp, self.unit, self._is_key(stamp)
        return frame

    def _is_key(self, stamp: int) -> bool:
        """Whether a frame must be a key frame: encoders count frames, which have no constant rate here."""
        if self._key_interval is None:
            return False
        due = self._last_key is None or (stamp - self._last_key) * self.unit >= self._key_interval
        self._last_key = stamp if due else self._last_key
        return due

    def _colours(self, frame: VideoFrame, wanted: str) -> dict[str, Any]:
        """What a conversion from RGB has to know; others keep the matrix of the frame."""
        if frame.format.is_rgb and wanted.startswith(("yuv", "nv", "p0")):
            return {"dst_colorspace": self._shape.matrix, "dst_color_range": self._shape.tags.range}
        if not frame.format.is_rgb and wanted in ("bgra", "rgb24"):
            return {"dst_color_range": FULL}
        if frame.format.name.startswith("yuvj"):
            return {"src_color_range": FULL, "dst_color_range": self._shape.tags.range}
        return {}

    def _emit(self, frame: VideoFrame, end: int) -> None:
        self.frames += 1
        assert frame.pts is not None
        self._lengths[frame.pts] = end - frame.pts
        if self._palette:
            self._palette.add(frame)
        else:
            self._mux(self._stream.encode(frame))

    def _mux(self, packets: Iterable[Any]) -> None:
        for packet in packets:
            if (length := self._lengths.pop(packet.pts, None)) is not None:
                packet.duration = length  # encoders do not tell it, and a file ends with its last packet
            if self.frames <= FEW and packet.pts is not None:
                packet.dts = packet.pts
            self._container.mux(packet)


def _options(encoder: Encoder, encoding: VideoEncoding, more: dict[str, str]) -> dict[str, str]:
    """The options of an encoder, with more parameters; a bit rate replaces those of its quality."""
    options = encoder.options(encoding.quality, encoding.effort)
    options |= {name: f"{options[name]}:{value}" if name in options else value for name, value in more.items()}
    if encoding.bit_rate is None:
        return options
    kept = {key: value for key, value in options.items() if key not in ("crf", "cq", "rc", "global_quality")}
    return kept | {"b": str(encoding.bit_rate)}


def _unit(shape: VideoShape) -> Fraction:
    """The unit of times: one of which frames of a constant rate have whole numbers."""
    if shape.rate is None:
        return shape.unit
    fine = shape.rate.numerator
    while fine < FINEST:
        fine *= 2
    return Fraction(1, fine)
