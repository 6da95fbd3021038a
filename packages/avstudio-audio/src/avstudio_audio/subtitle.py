"""`audio.subtitle`: a transcript as subtitles."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from avstudio_audio.subtitle_params import SubtitleParams
from avstudio_audio.vocabulary import SubtitleWords
from avstudio_core import Artifact, Context, Processor, Result
from avstudio_core.documents.subtitle_formats import FORMATS
from avstudio_core.documents.subtitle_report import SubtitleReport
from avstudio_core.documents.subtitles import MEDIA_TYPES
from avstudio_core.documents.timed_text import content, read
from avstudio_core.documents.transcript import MEDIA_TYPE, UNKNOWN_LANGUAGE, Segment, Transcript
from avstudio_core.errors import UnreadableMedia


class SubtitleResult(Result):
    """The files, and which rules their subtitles break."""

    subtitles: dict[str, Artifact] = Field(description="Subtitle and text files by format.")
    report: SubtitleReport = Field(description="The cues that break a rule.", json_schema_extra={"view": "table"})
    language: str = Field(description="Code of the language.")


class Subtitle(SubtitleWords, Processor[SubtitleParams, SubtitleResult]):
    """Make subtitles from a transcript, or from other subtitles, by the rules of a style guide.

    Lines break where the meaning allows it, gaps that flicker are closed, and `report` names each cue that breaks a
    rule, and why the rule cannot be met. Words of a file of subtitles have no times: they divide the time of their cue.
    """

    name: ClassVar[str] = "audio.subtitle"
    accepts: ClassVar[tuple[str, ...]] = (MEDIA_TYPE, MEDIA_TYPES["vtt"], MEDIA_TYPES["srt"], "application/json")
    errors: ClassVar[tuple[str, ...]] = ("unreadable_media",)

    def outputs(self, params: SubtitleParams) -> dict[str, str]:
        return {name: FORMATS[name].media_type for name in params.format}

    def run(self, source: Artifact, params: SubtitleParams, context: Context) -> SubtitleResult:
        from avstudio_audio.subtitles.files import SubtitleFiles

        context.progress(0.0, "read")
        transcript = _transcript(source)
        _tell_reversed(transcript, source, context)
        made = SubtitleFiles.of(transcript, params)
        made.tell_breaches(params, context)
        return SubtitleResult(
            subtitles=made.publish(source, params, context),
            report=made.report,
            language=transcript.language,
            effective={**made.effective(params)},
        )


def _tell_reversed(transcript: Transcript, source: Artifact, context: Context) -> None:
    """Warn if cues end before they begin: they are shown for a moment only."""
    if wrong := [one for one in transcript.segments if one.end < one.start]:
        first = f"the first at {wrong[0].start:.3f} s, '{' '.join(wrong[0].text.split())[:40]}'"
        context.warn("cue_reversed", f"'{source.name}': {len(wrong)} of its cues end before they begin, {first}.")


def _transcript(source: Artifact) -> Transcript:
    """The transcript in a file. Raises `UnreadableMedia`."""
    if source.media_type in (MEDIA_TYPE, "application/json"):
        try:
            return Transcript.parse(content(source))
        except UnreadableMedia as error:
            raise UnreadableMedia(f"'{source.name}' cannot be read: {error.message}", hint=error.hint) from None
    text = read(source)
    segments = [
        Segment(id=number, start=one.start or 0.0, end=one.end or 0.0, text=one.text)
        for number, one in enumerate(text.passages)
    ]
    return Transcript(language=UNKNOWN_LANGUAGE, duration=text.duration or 0.0, segments=segments)
