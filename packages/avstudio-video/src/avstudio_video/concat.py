"""`video.concat`: several videos, one after the other."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from avstudio_core import Artifact, Context, Needs, Processor, Result
from avstudio_core.errors import InvalidInput, InvalidParams
from avstudio_video.film_params import FilmParams
from avstudio_video.memory import rewritten_mb
from avstudio_video.vocabulary import ConcatWords

if TYPE_CHECKING:
    from pathlib import Path

    from avstudio_video.encoding.containers import VideoFormat
    from avstudio_video.packets.join import JoinedPiece
    from avstudio_video.timeline.footage import Footage
    from avstudio_video.timeline.parts import Timeline
    from avstudio_video.timeline.texts import TextTrack


class ConcatParams(FilmParams):
    """Which videos follow, and how."""

    inputs: list[Artifact] = Field(
        default=[],
        max_length=500,
        description="The videos that follow the source, in this order.",
        json_schema_extra={"accepts": ["video/*", "image/*", "application/octet-stream"]},
    )
    mode: Literal["auto", "copy", "encode"] = Field(
        default="auto",
        description="Copy without loss, encode all in the size of the first, or copy if all are coded alike.",
    )
    chapters: bool = Field(default=True, description="Make a chapter of each video, with the name of its file.")


class JoinedVideo(BaseModel):
    """One of the videos in the new one, half-open."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="The name of its file.")
    start: float = Field(description="When it begins.", json_schema_extra={"unit": "s"})
    end: float = Field(description="When it ends.", json_schema_extra={"unit": "s"})


class ConcatResult(Result):
    """The joined video."""

    video: Artifact = Field(description="All videos in one.", json_schema_extra={"view": "player"})
    duration: float = Field(description="Length.", json_schema_extra={"unit": "s"})
    parts: list[JoinedVideo] = Field(description="Where each video is.", json_schema_extra={"view": "table"})
    copied: bool = Field(description="Whether picture and sound were copied as they were.")


class Concat(ConcatWords, Processor[ConcatParams, ConcatResult]):
    """Join videos: copied without loss if coded alike, or else brought to the size, colours and sound of the first.

    Frames keep their times, so videos of different rates make one of a variable rate.
    """

    name: ClassVar[str] = "video.concat"
    version: ClassVar[str] = "4"
    accepts: ClassVar[tuple[str, ...]] = ("video/*", "image/*", "application/octet-stream")
    errors: ClassVar[tuple[str, ...]] = ("no_video_stream",)

    def outputs(self, params: ConcatParams) -> dict[str, str]:
        return {"video": params.media_type}

    def needs(self, params: ConcatParams, source: Artifact | None) -> Needs:
        if not params.inputs:
            raise InvalidParams("There is nothing to join.", hint="Name the videos that follow with 'inputs'.")
        if params.mode == "copy" and (params.crossfade or params.codec != "auto"):
            hint = "Leave out 'crossfade' and 'codec', or use the mode 'auto'."
            raise InvalidParams("Copied videos are not encoded.", hint=hint)
        return Needs() if params.mode == "copy" else Needs(memory_mb=rewritten_mb(source, params.likely_codec))

    def run(self, source: Artifact, params: ConcatParams, context: Context) -> ConcatResult:
        from avstudio_video.media.limits import Limits
        from avstudio_video.timeline.footage import Footage

        context.progress(0.0, "read")
        limits = Limits.of(context.settings)
        files = [Footage.read(one.path, one.name, None, limits, context.check) for one in (source, *params.inputs)]
        for one in files:
            one.tell(context.warn)
        changed = params.mode == "encode" or params.crossfade or params.codec != "auto"
        if not changed and (joined := _copied(source, files, params, context)):
            return joined
        return _encoded(source, files, params, context)


def _timeline(files: list[Footage], crossfade: float) -> Timeline:
    from avstudio_video.timeline.film_format import rate_of
    from avstudio_video.timeline.parts import Timeline

    unit = files[0].grid.step if rate_of(files) else Fraction(0)
    whole = (footage.grid.whole(number) for number, footage in enumerate(files))
    return Timeline.joined(whole, Fraction(crossfade), unit)


def _copied(source: Artifact, files: list[Footage], params: ConcatParams, context: Context) -> ConcatResult | None:
    """The videos copied, or `None` if they cannot be, and may be encoded. Raises `InvalidInput`.

    Copied videos show what their edit lists hide, except the first one.
    """
    from avstudio_video.film_files import published_copy, tell_left_out, tell_outer_sound
    from avstudio_video.media.damage import tell_lead

    try:
        path, name, streams, texts, joined = _copy(source, files, params, context)
    except InvalidInput:
        if params.mode == "copy":
            raise
        return None
    leads = [footage.grid.start - Fraction(one.begin) for footage, one in zip(files, joined, strict=True)]
    shown = [
        (one, lead) for one, lead in zip(files, leads, strict=True) if one.grid.start <= 0 and lead >= one.grid.step
    ]
    if shown and params.mode != "copy":
        return None
    for footage, lead in shown:
        tell_lead(footage.name, name, lead, context.warn)
    for footage, numbers, tracks in zip(files, streams, texts, strict=True):
        tell_left_out(footage, numbers[1:], len(tracks), context.warn)
    tell_outer_sound(_timeline(files, 0.0), files, context.warn)
    video = published_copy(files, joined, path, name, context)
    spans = [(one.at, one.at + one.end - one.begin) for one in joined]
    return ConcatResult(video=video, duration=spans[-1][1], parts=_parts(files, spans), copied=True)


def _copy(
    source: Artifact, files: list[Footage], params: ConcatParams, context: Context
) -> tuple[Path, VideoFormat, list[list[int]], list[list[TextTrack]], list[JoinedPiece]]:
    """The file, its format, the streams and the texts of each video, and where each is. Raises `InvalidInput`."""
    from avstudio_video.film_files import copied_format, progress_of
    from avstudio_video.media.limits import Limits
    from avstudio_video.timeline.copied import Copy, copyable, difference_of, is_moved, pieces_of, timeline_of
    from avstudio_video.timeline.film_plan import named_chapters
    from avstudio_video.timeline.texts import moved_texts, tell_texts, texts_of

    limits, timeline = Limits.of(context.settings), _timeline(files, 0.0)
    name = copied_format(files[0], params.format, limits)
    streams = [copyable(one, name, limits) for one in files]
    if found := difference_of(files, streams, limits):
        raise InvalidInput(f"{found}.", hint="Let them be encoded: use the mode 'auto'.")
    pieces = pieces_of(timeline.parts, files, streams)
    path = context.new_path(source.name_for(f".joined.{name}"))
    texts = [texts_of(one.path, one.stream, limits, context.check) for one in files]
    code = files[0].timecode(files[0].grid.start)

    def copy(timeline: Timeline) -> Copy:
        chapters = named_chapters(files, timeline) if params.chapters else []
        return Copy(pieces, float(timeline.length), files[0].tags, chapters, moved_texts(texts, timeline), code)

    made = copy(timeline)
    joined = made.write(path, name, limits, progress_of(context))
    real = timeline_of(joined)
    if is_moved(timeline, real):  # some begin earlier, where a decoder can start
        made = copy(real)
        made.write(path, name, limits, progress_of(context))
    tell_texts(made.texts, name, context.warn)
    return path, name, streams, texts, joined


def _encoded(source: Artifact, files: list[Footage], params: ConcatParams, context: Context) -> ConcatResult:
    from avstudio_video.film_files import progress_of, published_film, tell_film
    from avstudio_video.media.limits import Limits
    from avstudio_video.timeline.film_plan import film_of, named_chapters

    timeline, limits = _timeline(files, params.crossfade), Limits.of(context.settings)
    chapters = named_chapters(files, timeline) if params.chapters else []
    film, name = film_of(timeline, files, params.wish(), chapters, limits, progress_of(context))
    path = context.new_path(source.name_for(f".joined.{name}"))
    film.write(path, name)
    tell_film(film, params.crossfade, context.warn)
    spans = [(float(part.at), float(part.at + part.length)) for part in timeline.parts]
    video = published_film(film, path, name, context)
    return ConcatResult(video=video, duration=float(timeline.length), parts=_parts(files, spans), copied=False)


def _parts(files: list[Footage], spans: list[tuple[float, float]]) -> list[JoinedVideo]:
    return [
        JoinedVideo(name=footage.name, start=start, end=end) for footage, (start, end) in zip(files, spans, strict=True)
    ]
