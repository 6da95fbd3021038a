"""`video.cut`: parts of a video, kept or removed."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from avstudio_core import Artifact, Context, Needs, Processor, Result
from avstudio_core.documents.transcript import MEDIA_TYPE
from avstudio_core.errors import InvalidInput
from avstudio_video.cut_params import CutParams
from avstudio_video.exports.media_types import MEDIA_TYPES
from avstudio_video.memory import rewritten_mb
from avstudio_video.timeline.choice import Reason
from avstudio_video.vocabulary import CutWords

if TYPE_CHECKING:
    from avstudio_video.timeline.choice import Choices
    from avstudio_video.timeline.footage import Footage
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
    """The cut video."""

    video: Artifact | None = Field(
        default=None, description="The new video, unless only lists are made.", json_schema_extra={"view": "player"}
    )
    exports: dict[str, Artifact] = Field(default={}, description="The edit lists.")
    words: Artifact | None = Field(
        default=None, description="The transcript of the new video, if one was given: what is left, at its new times."
    )
    duration: float = Field(description="Length of the new video.", json_schema_extra={"unit": "s"})
    parts: list[KeptPart] = Field(
        description="The parts that are kept: a map from the old to the new time.", json_schema_extra={"view": "table"}
    )
    removed: list[RemovedPart] = Field(
        default=[], description="What was removed, and why.", json_schema_extra={"view": "table"}
    )


class Cut(CutWords, Processor[CutParams, CutResult]):
    """Cut a video: keep or remove parts by times, scenes, silence, or words of a transcript; as a file or a list.

    Picture and sound are cut at exactly the same times: at the start of a frame.
    """

    name: ClassVar[str] = "video.cut"
    version: ClassVar[str] = "5"
    accepts: ClassVar[tuple[str, ...]] = ("video/*", "image/*", "application/octet-stream")
    errors: ClassVar[tuple[str, ...]] = ("no_video_stream", "no_audio_stream")

    def outputs(self, params: CutParams) -> dict[str, str]:
        video = {"video": params.media_type} if params.render else {}
        words = {"words": MEDIA_TYPE} if params.transcript else {}
        return video | words | {name: MEDIA_TYPES[name] for name in params.exports}

    def needs(self, params: CutParams, source: Artifact | None) -> Needs:
        params.check()
        encoded = params.render and params.mode == "exact"
        return Needs(memory_mb=rewritten_mb(source, params.likely_codec)) if encoded else Needs()

    def run(self, source: Artifact, params: CutParams, context: Context) -> CutResult:
        from avstudio_video.media.limits import Limits
        from avstudio_video.timeline.footage import Footage

        context.progress(0.0, "read")
        limits = Limits.of(context.settings)
        footage = Footage.read(source.path, source.name, params.stream, limits, context.check)
        footage.tell(context.warn)
        timeline, choices = _timeline(source, footage, params, context)
        video = None
        if params.render:
            write = _encoded if params.mode == "exact" else _copied
            video, timeline = write(source, footage, timeline, params, context)
        return CutResult(
            video=video,
            exports=_exports(source, footage, timeline, params, context) if params.exports else {},
            words=_words(source, params.transcript, timeline, context) if params.transcript else None,
            duration=float(timeline.length),
            parts=_kept(timeline),
            removed=_removed(choices, float(footage.grid.end)),
        )


def _timeline(source: Artifact, footage: Footage, params: CutParams, context: Context) -> tuple[Timeline, Choices]:
    """What is kept, on the grid of the frames. Raises `InvalidInput` if that is nothing."""
    from avstudio_video.cut_choices import CutChoices
    from avstudio_video.timeline.parts import Timeline

    grid = footage.grid
    choices = CutChoices(source, params, float(grid.end), context).found()
    parts = grid.parts(choices.spans(params.handles))
    if not parts:
        raise InvalidInput(f"No part of '{source.name}' is left.", hint="Remove less, or keep more.")
    if len(parts) == 1 and parts[0] == grid.whole():
        context.warn("nothing_cut", f"Nothing of '{source.name}' is removed.")
    return Timeline.joined(parts, Fraction(params.crossfade), grid.step), choices


def _encoded(
    source: Artifact, footage: Footage, timeline: Timeline, params: CutParams, context: Context
) -> tuple[Artifact, Timeline]:
    from avstudio_video.film_files import progress_of, published_film, tell_film
    from avstudio_video.media.limits import Limits
    from avstudio_video.timeline.film_plan import film_of, moved_chapters

    limits, chapters = Limits.of(context.settings), moved_chapters(footage, timeline)
    film, name = film_of(timeline, [footage], params.wish(), chapters, limits, progress_of(context))
    path = context.new_path(source.name_for(f".cut.{name}"))
    film.write(path, name)
    tell_film(film, params.crossfade, context.warn)
    return published_film(film, path, name, context), timeline


def _copied(
    source: Artifact, footage: Footage, wanted: Timeline, params: CutParams, context: Context
) -> tuple[Artifact, Timeline]:
    from avstudio_video.film_files import (
        copied_format,
        progress_of,
        published_copy,
        tell_left_out,
        tell_outer_sound,
    )
    from avstudio_video.media.damage import tell_lead
    from avstudio_video.media.limits import Limits
    from avstudio_video.timeline.copied import Copy, copyable, from_keys, pieces_of, really, shown_lead
    from avstudio_video.timeline.film_plan import moved_chapters
    from avstudio_video.timeline.texts import moved_texts, tell_texts, texts_of

    limits = Limits.of(context.settings)
    name = copied_format(footage, params.format, limits)
    streams = copyable(footage, name, limits)
    texts = [texts_of(footage.path, footage.stream, limits, context.check)]
    tell_left_out(footage, streams[1:], len(texts[0]), context.warn)
    tell_texts(texts[0], name, context.warn)
    path = context.new_path(source.name_for(f".cut.{name}"))
    timeline = wanted.joined(from_keys(wanted.parts, footage))
    first = timeline.parts[0]
    if lead := shown_lead(first, footage, name, limits):
        tell_lead(source.name, name, lead, context.warn)
    pieces, chapters = pieces_of(timeline.parts, [footage], [streams]), moved_chapters(footage, timeline.later(lead))
    code, shown = footage.timecode(first.start - lead), moved_texts(texts, timeline.later(lead))
    copy = Copy(pieces, float(timeline.length), footage.tags, chapters, shown, code)
    joined = copy.write(path, name, limits, progress_of(context))
    if any(after.begin < before.end for before, after in pairwise(joined)):
        message = f"The parts of '{source.name}' would be shown twice: its key frames refer to frames before them."
        raise InvalidInput(message, hint="Use the mode 'exact'.")
    real = really(joined, footage)
    true = replace(copy, chapters=moved_chapters(footage, real), texts=moved_texts(texts, real))
    if true != copy:  # a part begins earlier, where a decoder can start
        true.write(path, name, limits, progress_of(context))
    _tell_moved(source, wanted, real, context)
    tell_outer_sound(real, [footage], context.warn)
    return published_copy([footage] * len(joined), joined, path, name, context), real


def _tell_moved(source: Artifact, wanted: Timeline, real: Timeline, context: Context) -> None:
    kept = [[(float(part.start), float(part.end)) for part in one.parts] for one in (wanted, real)]
    if kept[0] != kept[1]:
        spans = ", ".join(f"{start:.3f}-{end:.3f}" for start, end in kept[1][:5]) + (" …" if len(kept[1]) > 5 else "")
        message = f"a copy begins with key frames. It has {spans} s."
        context.warn("cut_moved", f"The parts of '{source.name}' are not cut where they were asked for: {message}")


def _words(source: Artifact, document: Artifact, timeline: Timeline, context: Context) -> Artifact:
    from avstudio_core.documents.moved_transcript import moved_transcript
    from avstudio_core.documents.timed_text import transcript_of

    path = context.new_path(source.name_for(".cut.transcript.json"))
    moved = moved_transcript(transcript_of(document), timeline)
    path.write_text(moved.written(), encoding="utf-8")
    return context.publish(path, path.name, MEDIA_TYPE)


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
    source: Artifact, footage: Footage, timeline: Timeline, params: CutParams, context: Context
) -> dict[str, Artifact]:
    from avstudio_video.exports.texts import exported_edit, tell_losses
    from avstudio_video.timeline.edit_list import edit_list

    cuts, files = edit_list(timeline, footage, params.timecode), dict[str, Artifact]()
    tell_losses(cuts, params.exports, context.warn)
    for name in params.exports:
        path = context.new_path(source.name_for(f".cut.{name}"))
        text = exported_edit(name, cuts, reel=params.reel, size=footage.display_size)
        path.write_text(text, encoding="utf-8", newline="")
        files[name] = context.publish(path, path.name, MEDIA_TYPES[name])
    return files
