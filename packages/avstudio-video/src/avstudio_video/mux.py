"""`video.mux`: a picture with other sound, subtitles, chapters, cover and tags."""

from __future__ import annotations

from contextlib import ExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from avstudio_core import Artifact, Context, Needs, Processor, Result
from avstudio_core.errors import MissingDependency, UnreadableMedia
from avstudio_video.encoding.containers import CONTAINERS
from avstudio_video.memory import rewritten_mb
from avstudio_video.mux_params import MuxParams
from avstudio_video.vocabulary import MuxWords

if TYPE_CHECKING:
    from avstudio_video.media.contents import Contents
    from avstudio_video.media.stream_facts import StreamFacts
    from avstudio_video.muxer.assembly import Assembly
    from avstudio_video.muxer.muxer import Muxed


class MuxedTrack(BaseModel):
    """One track of the new file."""

    model_config = ConfigDict(frozen=True)

    index: int = Field(description="Its number among all streams of the file.")
    kind: str = Field(description="`video`, `audio` or `subtitle`.")
    source: str = Field(description="The file from which it comes.")
    codec: str = Field(description="FFmpeg's name of its codec.")
    copied: bool = Field(description="Whether its packets were copied as they were.")
    language: str | None = Field(description="ISO 639-2 code.")
    title: str | None = Field(description="Name of the track.")
    default: bool = Field(description="Whether players choose it.")


class MuxResult(Result):
    """The new file."""

    video: Artifact = Field(description="The video.", json_schema_extra={"view": "player"})
    tracks: list[MuxedTrack] = Field(description="Its tracks.")
    chapters: int = Field(default=0, description="Number of its chapters.")
    duration: float | None = Field(default=None, description="Length.", json_schema_extra={"unit": "s"})
    delay: float = Field(
        default=0.0,
        description="How much later all of the video is than in its source, because frames cannot be hidden.",
        json_schema_extra={"unit": "s"},
    )


class Mux(MuxWords, Processor[MuxParams, MuxResult]):
    """Put sound, subtitles, chapters, a cover and tags onto a video.

    Whatever the container takes is copied; other sound and pictures are encoded, and other subtitles are converted. So
    is a picture on which subtitles are drawn (`burned`): as players show it, upright and with square pixels. What the
    video has already is kept, if it is not replaced or dropped.
    """

    name: ClassVar[str] = "video.mux"
    version: ClassVar[str] = "4"
    accepts: ClassVar[tuple[str, ...]] = ("video/*", "image/gif", "application/octet-stream")
    errors: ClassVar[tuple[str, ...]] = ("no_video_stream", "no_audio_stream", "missing_dependency")

    def outputs(self, params: MuxParams) -> dict[str, str]:
        return {"video": "video/*" if params.format == "auto" else CONTAINERS[params.format].media_type}

    def needs(self, params: MuxParams, source: Artifact | None) -> Needs:
        params.check()
        if params.burned and find_spec("PIL") is None:
            raise MissingDependency.extra("Drawing subtitles", "avstudio-video", "text")
        if not params.burned and params.picture_codec is None:
            return Needs()
        return Needs(memory_mb=rewritten_mb(source, params.picture_codec or "h264"))

    def run(self, source: Artifact, params: MuxParams, context: Context) -> MuxResult:
        from avstudio_video.media.contents import read_contents
        from avstudio_video.media.limits import Limits
        from avstudio_video.mux_assembly import (
            opened_assembly,
            tell_copied,
            tell_damage,
            tell_encoded,
            tell_late_subtitles,
        )

        context.progress(0.0, "read")
        limits = Limits.of(context.settings)
        with ExitStack() as opened:
            assembly = opened_assembly(source, params, context, opened)
            path = context.new_path(source.name_for(f".muxed.{assembly.format}"))
            assembly.write(path, lambda part: context.progress(0.95 * part, "write"))
            if not path.exists():
                raise UnreadableMedia(f"Nothing of '{source.name}' can be read.", hint="Check it with video.probe.")
            tell_encoded(assembly, params, context.warn)
            tell_copied(assembly, context.warn)
            tell_damage(assembly, context.warn)
            tell_late_subtitles(assembly, context.warn)
        contents = read_contents(path, scan=False, limits=limits)
        found = _tracks(assembly, contents)
        _tell_lost(assembly, params, found, context)
        made = context.publish(path, path.name, CONTAINERS[assembly.format].media_type, contents.facts())
        return MuxResult(
            video=made,
            tracks=found,
            chapters=len(contents.chapters),
            duration=contents.duration,
            delay=float(assembly.inputs[0].shift),
            effective={"format": assembly.format},
        )


def _tracks(assembly: Assembly, contents: Contents) -> list[MuxedTrack]:
    """The tracks as the new file states them. Raises `UnreadableMedia` for one of which nothing could be read."""
    stated = {one.index: one for one in (*contents.video, *contents.audio, *contents.subtitles)}
    if lost := next((one for one in assembly.tracks if one.stream_index not in stated), None):
        message = f"Nothing can be read of a stream of '{lost.wanted.input.name}' ({lost.wanted.kind})."
        raise UnreadableMedia(message, hint="Check the file with video.probe.")
    return [_track(one, stated[one.stream_index]) for one in assembly.tracks]


def _track(made: Muxed, stated: StreamFacts) -> MuxedTrack:
    return MuxedTrack(
        index=stated.index,
        kind=made.wanted.kind,
        source=made.wanted.input.name,
        codec=stated.codec or made.codec,
        copied=made.copied,
        language=stated.language,
        title=stated.title,
        default="default" in stated.dispositions,
    )


def _tell_lost(assembly: Assembly, params: MuxParams, found: list[MuxedTrack], context: Context) -> None:
    """Warn about labels that the container does not store."""
    from avstudio_video.media.streams import uses_of
    from avstudio_video.muxer.labels import tell_marks

    for made, track in zip(assembly.tracks, found, strict=True):
        labels = made.wanted.labels
        if labels and labels.language and track.language in (None, "und"):
            context.warn("labels_lost", f"'{assembly.format}' does not store the language '{labels.language}'.")
    others = [one for one in assembly.tracks if one.wanted.kind != "video"]
    tell_marks((use for one in others for use in uses_of(int(one.stream.disposition))), assembly.format, context.warn)
    if params.default_subtitles == 0 and any(one.default for one in found if one.kind == "subtitle"):
        message = f"Players show the first subtitle track of '{assembly.format}', because none is chosen."
        context.warn("labels_lost", message)
