"""`video.decode`: frames of a video as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from avstudio_core import Artifact, Context, Needs, Processor, Result
from avstudio_video.decode_params import CROP, USUAL_COUNT, DecodeParams
from avstudio_video.frame_files import TOGETHER, FrameFiles
from avstudio_video.frames.files import MEDIA_TYPES
from avstudio_video.vocabulary import DecodeWords

if TYPE_CHECKING:
    from avstudio_video.frames.choice import FrameTimeline, Wanted
    from avstudio_video.frames.decoder import Decoder
    from avstudio_video.frames.picture import Shape
    from avstudio_video.media.indexed import IndexedStream


class FrameFacts(BaseModel):
    """One frame."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="Its file in `frames`, or its place in the file.")
    index: int = Field(description="Its number in the order shown, from 0.")
    pts: int = Field(description="Its time stamp in units of the stream's time base.")
    time: float = Field(description="When it is shown, from the start of the file.", json_schema_extra={"unit": "s"})
    duration: float = Field(description="How long it is shown.", json_schema_extra={"unit": "s"})
    requested: float | None = Field(description="The time that was asked for.", json_schema_extra={"unit": "s"})
    key: bool = Field(description="Whether it is a key frame.")
    corrupt: bool = Field(description="Whether the decoder found it damaged.")


class DecodeResult(Result):
    """The frames."""

    frames: dict[str, Artifact] = Field(
        description="The pictures `frame_000001` …, or one file `frames` or `sheet`.",
        json_schema_extra={"view": "pictures"},
    )
    index: list[FrameFacts] = Field(description="The frames with their exact times, in the order asked for.")
    time_base: str = Field(description="The unit of `pts` in seconds, as an exact fraction.")
    backend: str = Field(description="The decoder that was used.")
    width: int = Field(description="Width of a frame.", json_schema_extra={"unit": "px"})
    height: int = Field(description="Height of a frame.", json_schema_extra={"unit": "px"})


class Decode(DecodeWords, Processor[DecodeParams, DecodeResult]):
    """Get frames of a video as pictures: at times, by number, at a rate, evenly spread, or all key frames.

    A frame is the one that is on the screen at that time. Each has its exact time, also if the frame rate varies.
    """

    name: ClassVar[str] = "video.decode"
    accepts: ClassVar[tuple[str, ...]] = ("video/*", "image/*", "application/octet-stream")
    errors: ClassVar[tuple[str, ...]] = ("no_video_stream",)

    def outputs(self, params: DecodeParams) -> dict[str, str]:
        kind = MEDIA_TYPES[params.format]
        if params.format in TOGETHER:
            return {"frames" if params.format == "npz" else "sheet": kind}
        if params.every or params.fps or params.keyframes or params.scenes:
            return {}
        count = len(params.times) or len(params.indices) or params.count or USUAL_COUNT
        return {f"frame_{number:06}": kind for number in range(1, count + 1)}

    def needs(self, params: DecodeParams, source: Artifact | None) -> Needs:
        params.check()
        return Needs()

    def run(self, source: Artifact, params: DecodeParams, context: Context) -> DecodeResult:
        from avstudio_video.frames.choice import FrameTimeline
        from avstudio_video.frames.decoder import Decoder
        from avstudio_video.frames.reader import Source
        from avstudio_video.media.kept_indexes import KEPT
        from avstudio_video.media.limits import Limits
        from avstudio_video.media.scene_document import tell_other_video

        context.progress(0.0, "read")
        limits = Limits.of(context.settings)
        stream = KEPT.of(source, params.stream, limits, context.check)
        timeline = FrameTimeline(stream.index, stream.origin)
        if params.scenes:
            tell_other_video(params.scenes, source.name, timeline.end, context.warn)
        wanted, shape = _wanted(params, timeline), _shape(params, stream)
        size = shape.size(stream.width, stream.height)
        limits.check_size(source.path, *size)
        numbers, threads = (stream.number, stream.video_number), context.settings.threads
        place = Source(source.path, *numbers, stream.index, limits, context.check, threads)
        to_sdr, stored = stream.hdr and params.tonemap == "auto", (stream.width, stream.height)
        decoder = Decoder(place, stored, shape, params.backend, context.warn, to_sdr)
        wanted, frames = FrameFiles(source, params, context, timeline, decoder, size).write(wanted)
        _tell(source, stream, timeline, decoder, context)
        return DecodeResult(
            frames=frames,
            index=_facts(wanted, timeline, decoder),
            time_base=str(stream.index.unit),
            backend=decoder.backend,
            width=size[0],
            height=size[1],
            effective={"backend": decoder.backend},
        )


def _wanted(params: DecodeParams, timeline: FrameTimeline) -> list[Wanted]:
    """The frames to decode, in the order asked for. Raises `InvalidInput`."""
    from avstudio_video.frames.choice import Wanted, at_rate, in_scenes, key_frames, snapped, spread

    if params.scenes:
        found = in_scenes(timeline, params.scenes, params.max_frames)
    elif params.times:
        found = [Wanted(timeline.at(time), time) for time in params.times]
    elif params.indices:
        found = [Wanted(timeline.numbered(number)) for number in params.indices]
    else:
        span = timeline.within(params.start, params.end)
        if params.keyframes:
            found = key_frames(timeline, span, params.max_frames)
        elif step := params.every or (params.fps and 1 / params.fps):
            found = at_rate(timeline, span, step, params.max_frames)
        else:
            found = spread(timeline, span, params.count or USUAL_COUNT)
    return snapped(timeline, found, params.snap)


def _shape(params: DecodeParams, stream: IndexedStream) -> Shape:
    from avstudio_video.frames.picture import Crop, Shape

    crop: Crop | None = None
    if params.crop and (match := CROP.fullmatch(params.crop)):
        x, y, width, height = (int(part) for part in match.groups())
        crop = (x, y, width, height)
    rest = (crop, params.width, params.height, params.fit)
    return Shape(stream.rotation, stream.aspect, *rest) if params.as_shown else Shape(0, Shape().aspect, *rest)


def _tell(source: Artifact, stream: IndexedStream, timeline: FrameTimeline, decoder: Decoder, context: Context) -> None:
    """Warn about what is wrong with the file, or with the pictures."""
    stream.tell(source.name, context.warn)
    if decoder.corrupt:
        context.warn("damaged", f"{len(decoder.corrupt)} of these frames of '{source.name}' are damaged.")
    if decoder.transparent:
        context.warn("detail_reduced", f"'{source.name}' is transparent in places: its frames are written as opaque.")
    if stream.interlaced:
        context.warn("interlaced", f"'{source.name}' is interlaced: moving edges of its frames look like combs.")


def _facts(wanted: list[Wanted], timeline: FrameTimeline, decoder: Decoder) -> list[FrameFacts]:
    keys = set(timeline.index.keys)
    return [
        FrameFacts(
            name=f"frame_{number:06}",
            index=timeline.index.number_at(one.stamp),
            pts=one.stamp,
            time=timeline.time(one.stamp),
            duration=timeline.duration(one.stamp),
            requested=one.requested,
            key=one.stamp in keys,
            corrupt=one.stamp in decoder.corrupt,
        )
        for number, one in enumerate(wanted, 1)
    ]
