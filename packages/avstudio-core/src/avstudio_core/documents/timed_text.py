"""Text with times, from a transcript, subtitles or plain text."""

from __future__ import annotations

from dataclasses import dataclass
from html import unescape
from pathlib import Path

from avstudio_core.artifact import Artifact
from avstudio_core.documents import transcript
from avstudio_core.documents.pieces import plain
from avstudio_core.documents.subtitles import MEDIA_TYPES, Subtitles
from avstudio_core.documents.timestamps import clock
from avstudio_core.documents.transcript import Transcript
from avstudio_core.errors import UnreadableMedia

TEXTS = (transcript.MEDIA_TYPE, MEDIA_TYPES["vtt"], MEDIA_TYPES["srt"], "application/json", "text/*")
"""Media types that can be read, the best first."""
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Passage:
    """About a sentence; times in seconds, or `None` for a text without times."""

    text: str
    start: float | None = None
    end: float | None = None

    def __str__(self) -> str:
        """The text, after its time if it has one."""
        return self.text if self.start is None else f"[{clock(self.start)}] {self.text}"


@dataclass(frozen=True, slots=True)
class TimedText:
    """Passages in the order of time; none is empty."""

    passages: tuple[Passage, ...]
    duration: float | None = None
    """Length of the recording in seconds, or `None`."""

    @property
    def timed(self) -> bool:
        return bool(self.passages) and all(passage.start is not None for passage in self.passages)

    @property
    def text(self) -> str:
        """The whole text, one line for each passage, after its time if it has one."""
        return "\n".join(map(str, self.passages))

    @classmethod
    def parse(cls, text: str, media_type: str) -> TimedText:
        """Read a document of that media type. Raises `UnreadableMedia`."""
        if media_type in (transcript.MEDIA_TYPE, "application/json"):
            return _of_transcript(Transcript.parse(text))
        if media_type in MEDIA_TYPES.values():
            return _of_subtitles(Subtitles.parse(text))
        lines = (" ".join(line.split()) for line in text.splitlines())
        return cls(tuple(Passage(line) for line in lines if line))


def read(source: Artifact) -> TimedText:
    """The text of a file. Raises `UnreadableMedia` if it is damaged or has no words."""
    text = content(source)
    try:
        found = TimedText.parse(text, source.media_type)
    except UnreadableMedia as error:
        raise UnreadableMedia(f"'{source.name}' cannot be read: {error.message}", hint=error.hint) from None
    if not found.passages:
        raise UnreadableMedia(f"'{source.name}' contains no words.")
    return found


def transcript_of(source: Artifact) -> Transcript:
    """A file as a transcript. Raises `UnreadableMedia`, which names it."""
    text = content(source)
    try:
        return Transcript.parse(text)
    except UnreadableMedia as error:
        raise UnreadableMedia(f"'{source.name}' cannot be read: {error.message}", hint=error.hint) from None


def content(source: Artifact) -> str:
    """A document's content as text. Raises `UnreadableMedia` if it is neither UTF-8 nor marked as UTF-16."""
    return text_of(source.path, source.name)


def text_of(path: Path, name: str) -> str:
    """The text of a file; errors show it under that name. Raises `UnreadableMedia`, `OSError`."""
    data = path.read_bytes()
    try:
        return data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableMedia(f"'{name}' is not text in UTF-8.", hint="Save it as UTF-8.") from None


def _of_transcript(said: Transcript) -> TimedText:
    found = [Passage(words, one.start, one.end) for one in said.segments if (words := " ".join(one.text.split()))]
    return _ordered(found, said.duration)


def _of_subtitles(file: Subtitles) -> TimedText:
    found = [Passage(words, cue.start, cue.end) for cue in file.cues if (words := unescape(plain(cue.text)))]
    return _ordered(found, 0.0)


def _ordered(found: list[Passage], duration: float) -> TimedText:
    found.sort(key=lambda passage: passage.start or 0.0)
    return TimedText(tuple(found), max([duration, *(passage.end or 0.0 for passage in found)]))
