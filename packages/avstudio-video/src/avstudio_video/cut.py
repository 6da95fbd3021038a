"""`video.cut`: parts of a video, kept or removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from avstudio_core import Artifact, Context, Needs, Processor, Result
from avstudio_core.errors import InvalidInput
from avstudio_video.cut_params import CutParams
from avstudio_video.exports.media_types import MEDIA_TYPES
from avstudio_video.timeline.choice import Reason
from avstudio_video.vocabulary import CutWords

if TYPE_CHECKING:
    from avstudio_video.media.indexed import IndexedStream
    from avstudio_video.timeline.choice import Choices
    from avstudio_video.timeline.parts import Timeline


class KeptPart(BaseModel):
    """A part that is kept, half-open, and where it is in the new video."""

    model_config = ConfigDict(frozen=True)

    start: float = Field(description="Its start in the source.", json_schema_extra={"unit": "s"})
    end: float = Field(description="Its end in the source.", json_schema_extra={"unit": "s"})
    new_start: float = Field(description="Its start in the new video.", json_schema_extra={"unit": "s"})
    new_end: float = Field(description="Its end in the new video.", json_schema_extra={"unit": "s"})


class RemovedPart(BaseModel):
    """A part that was found to be removed, half-open."""

    model_config = ConfigDict(frozen=True)

    start: float = Field(description="Its start in the source.", json_schema_extra={"unit": "s"})
    end: float = Field(description="Its end in the source.", json_schema_extra={"unit": "s"})
    reason: Reason = Field(description="Why it is removed.")
    text: str = Field(default="", description="The words, or the number of the scene.")


class CutResult(Result):
    """The edit."""

    exports: dict[str, Artifact] = Field(default={}, description="The edit lists.")
    duration: float = Field(description="Length of the new video.", json_schema_extra={"unit": "s"})
    parts: list[KeptPart] = Field(
        description="The parts that are kept: a map from the old to the new time.", json_schema_extra={"view": "table"}
    )
    removed: list[RemovedPart] = Field(
        default=[], description="What was removed, and why.", json_schema_extra={"view": "table"}
    )


class Cut(CutWords, Processor[CutParams, CutResult]):
    """Cut a video: keep or remove parts by times, scenes, silence, or words of a transcript, as a list for editors.

    Picture and sound are cut at exactly the same times: at the start of a frame.
    """

    name: ClassVar[str] = "video.cut"
    accepts: ClassVar[tuple[str, ...]] = ("video/*", "application/octet-stream")
    errors: ClassVar[tuple[str, ...]] = ("no_video_stream", "no_audio_stream")

    def outputs(self, params: CutParams) -> dict[str, str]:
        return {name: MEDIA_TYPES[name] for name in params.exports}

    def needs(self, params: CutParams, source: Artifact | None) -> Needs:
        params.check()
        return Needs()

    def run(self, source: Artifact, params: CutParams, context: Context) -> CutResult:
        from avstudio_video.media.indexed import index_stream
        from avstudio_video.media.limits import Limits

        context.progress(0.0, "read")
        stream = index_stream(source.path, params.stream, Limits.of(context.settings), context.check)
        timeline, choices = _timeline(source, stream, params, context)
        return CutResult(
            exports=_exports(source, stream, timeline, params, context),
            duration=float(timeline.length),
            parts=_kept(timeline),
            removed=_removed(choices, float(stream.index.end * stream.index.unit)),
        )


def _timeline(source: Artifact, stream: IndexedStream, params: CutParams, context: Context) -> tuple[Timeline, Choices]:
    """What is kept, on the grid of the frames. Raises `InvalidInput` if that is nothing."""
    from fractions import Fraction

    from avstudio_video.cut_choices import CutChoices
    from avstudio_video.timeline.parts import FrameGrid, Timeline

    grid = FrameGrid(stream)
    choices = CutChoices(source, params, float(grid.end), context).found()
    parts = grid.parts(choices.spans(params.handles))
    if not parts:
        raise InvalidInput(f"No part of '{source.name}' is left.", hint="Remove less, or keep more.")
    if len(parts) == 1 and (parts[0].start, parts[0].end) == (grid.start, grid.end):
        context.warn("nothing_cut", f"Nothing of '{source.name}' is removed.")
    gap = stream.index.usual_gap * stream.index.unit
    return Timeline.joined(parts, Fraction(params.crossfade), gap), choices


def _kept(timeline: Timeline) -> list[KeptPart]:
    return [
        KeptPart(
            start=float(one.start), end=float(one.end), new_start=float(one.at), new_end=float(one.at + one.length)
        )
        for one in timeline.parts
    ]


def _removed(choices: Choices, end: float) -> list[RemovedPart]:
    return [
        RemovedPart(start=one.span[0], end=min(one.span[1], end), reason=one.reason, text=one.text)
        for one in choices.remove
    ]


def _exports(
    source: Artifact, stream: IndexedStream, timeline: Timeline, params: CutParams, context: Context
) -> dict[str, Artifact]:
    from avstudio_video.exports.texts import exported_edit, tell_losses
    from avstudio_video.media.streams import display_size, square_size
    from avstudio_video.timeline.edit_list import edit_list

    label = params.timecode or stream.timecode
    cuts = edit_list(timeline, stream, title=source.name, timecode=label, sound=stream.sounds > 0)
    tell_losses(cuts, params.exports, context.warn)
    size = display_size(*square_size(stream.width, stream.height, stream.aspect), stream.rotation)
    files: dict[str, Artifact] = {}
    for name in params.exports:
        path = context.new_path(source.name_for(f".cut.{name}"))
        path.write_text(exported_edit(name, cuts, reel=params.reel, size=size), encoding="utf-8", newline="")
        files[name] = context.publish(path, path.name, MEDIA_TYPES[name])
    return files
