"""What was said and when, out of whatever holds it: a transcript, subtitles, plain text."""

from __future__ import annotations

from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field, ValidationError

from avstudio_core.errors import UnreadableMedia
from avstudio_llm.text.subtitles import Subtitles, plain

if TYPE_CHECKING:
    from avstudio_core import Artifact

TRANSCRIPT = "application/vnd.avstudio.transcript+json"
SUBTITLES = ("application/x-subrip", "text/vtt")
TEXTS = (TRANSCRIPT, "text/vtt", "application/x-subrip", "application/json", "text/*")
"""Media types that can be read."""


class _Said(BaseModel):
    start: float = Field(ge=0, allow_inf_nan=False)
    end: float = Field(ge=0, allow_inf_nan=False)
    text: str


class _Transcript(BaseModel):
    """The part of `audio.transcribe`'s JSON that is needed here."""

    segments: list[_Said]
    language: str | None = None
    duration: float | None = Field(default=None, ge=0, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class Segment:
    """A sentence or so; times in seconds, `None` in a text without any."""

    text: str
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """Segments in the order of time; none is empty."""

    segments: tuple[Segment, ...]
    duration: float | None = None
    """Length of the recording in seconds, as far as it is known."""

    @property
    def timed(self) -> bool:
        return bool(self.segments) and all(segment.start is not None for segment in self.segments)

    @property
    def text(self) -> str:
        """All that is said, a line for each segment, after its time if it has one."""
        return "\n".join(stamped(segment) for segment in self.segments)


def read(source: Artifact) -> Transcript:
    """The words of a file. Raises `UnreadableMedia` for one that is damaged or says nothing."""
    text = content(source)
    try:
        found = _parsed(text, source.media_type)
    except UnreadableMedia as error:
        raise UnreadableMedia(f"'{source.name}' cannot be read: {error}") from None
    if not found.segments:
        raise UnreadableMedia(f"'{source.name}' has no words in it.")
    return found


def content(source: Artifact) -> str:
    """A file's text. Raises `UnreadableMedia` for one that is not UTF-8."""
    try:
        return source.path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableMedia(f"'{source.name}' is not text in UTF-8. Save it as UTF-8.") from None


def clock(seconds: float) -> str:
    """`1:02:03`, as people write a time."""
    minutes, second = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"


def stamped(segment: Segment) -> str:
    return segment.text if segment.start is None else f"[{clock(segment.start)}] {segment.text}"


def _parsed(text: str, media_type: str) -> Transcript:
    if media_type in (TRANSCRIPT, "application/json"):
        return _of_json(text)
    if media_type in SUBTITLES:
        return _of_subtitles(text)
    return Transcript(tuple(Segment(line) for paragraph in text.splitlines() if (line := " ".join(paragraph.split()))))


def _of_json(text: str) -> Transcript:
    try:
        said = _Transcript.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"])) or "the file"
        raise UnreadableMedia(f"it is no transcript ({place}: {problem['msg']}).") from None
    segments = [Segment(words, one.start, one.end) for one in said.segments if (words := " ".join(one.text.split()))]
    return _ordered(segments, said.duration)


def _of_subtitles(text: str) -> Transcript:
    cues = Subtitles.parse(text).cues
    return _ordered([Segment(words, cue.start, cue.end) for cue in cues if (words := unescape(plain(cue.text)))], None)


def _ordered(segments: list[Segment], duration: float | None) -> Transcript:
    segments.sort(key=lambda segment: segment.start or 0.0)
    last = max((segment.end or 0.0 for segment in segments), default=0.0)
    return Transcript(tuple(segments), max(duration or 0.0, last))
