"""SubRip and WebVTT files: reading, writing, and replacing the text while everything else stays the same.

Libraries for subtitles convert files, and lose cue settings, names and notes of WebVTT, and lines that are only a
number. A translation has to keep them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape, unescape
from typing import Literal

from avstudio_core.documents.cues import Cue, cues
from avstudio_core.documents.pieces import TAG
from avstudio_core.documents.timed_pieces import CONTROL
from avstudio_core.documents.timestamps import STAMP, seconds, stamp
from avstudio_core.documents.transcript import Transcript
from avstudio_core.errors import UnreadableMedia

Format = Literal["srt", "vtt"]
MEDIA_TYPES: dict[str, str] = {"srt": "application/x-subrip", "vtt": "text/vtt"}

TIMES = rf"\s*{STAMP}\s*-->\s*{STAMP}(?:\s|$)"
_TIMES = re.compile(TIMES, re.ASCII)
_BROKEN_TIMES = re.compile(r"\s{0,20}\d[\d:.,]{1,40}\s{0,20}-{1,2}>", re.ASCII)
"""A line that looks like the times of a cue but is not valid."""


@dataclass(frozen=True, slots=True)
class Subtitles:
    """A file with cues."""

    format: Format
    cues: tuple[Cue, ...]
    lines: tuple[str, ...]
    places: tuple[tuple[int, int], ...]
    """The line numbers of each cue's text: the first, and the one after the last."""

    @classmethod
    def parse(cls, text: str) -> Subtitles:
        """Parse a file. Raises `UnreadableMedia` if it has no cues, or if the times of a cue are damaged."""
        lines = re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff"))
        format: Format = "vtt" if lines[0].startswith("WEBVTT") else "srt"
        timed = [(number, match) for number, line in enumerate(lines) if (match := _TIMES.match(line))]
        _refuse_broken(lines)
        if not timed:
            raise UnreadableMedia("It contains no cue with times.")
        heads = [number for number, _ in timed]
        find = _until_blank if format == "vtt" else _until_next
        places = tuple(find(lines, head + 1, after) for head, after in zip(heads, [*heads[1:], None], strict=True))
        found = tuple(
            Cue(seconds(match, 1), seconds(match, 5), "\n".join(line for line in lines[first:last] if line.strip()))
            for (_, match), (first, last) in zip(timed, places, strict=True)
        )
        return cls(format, found, tuple(lines), places)

    @classmethod
    def of(cls, cues: Sequence[Cue], format: Format) -> Subtitles:
        """A new file. Without cues it is still valid: `WEBVTT`, or an empty line in SubRip."""
        point = "." if format == "vtt" else ","
        lines, places = ["WEBVTT", ""] if format == "vtt" else [], []
        for number, cue in enumerate(cues, 1):
            head = [] if format == "vtt" else [str(number)]
            lines += [*head, f"{stamp(cue.start, point)} --> {stamp(cue.end, point)}"]
            places.append((len(lines), len(lines) + 1))
            lines += [cue.text, ""]
        return cls(format, tuple(cues), tuple(lines or ["", ""]), tuple(places))

    @property
    def words(self) -> list[str]:
        """The text of each cue, with its markup, but without the escapes of the format."""
        return [unescape(cue.text) if self.format == "vtt" else cue.text for cue in self.cues]

    def written(self, texts: Sequence[str]) -> str:
        """The file with other texts, one for each cue."""
        pieces: list[str] = []
        done = 0
        for (first, last), text in zip(self.places, texts, strict=True):
            pieces += [*self.lines[done:first], *([text] if text else [])]
            done = last
        return "\n".join([*pieces, *self.lines[done:]])


def to_srt(transcript: Transcript) -> str:
    """A transcript as SubRip."""
    found = cues(transcript)
    return Subtitles.of(found, "srt").written([cue.text for cue in found])


def to_vtt(transcript: Transcript) -> str:
    """A transcript as WebVTT (W3C), with escapes for text that looks like markup."""
    found = cues(transcript)
    return Subtitles.of(found, "vtt").written([escape(cue.text, quote=False) for cue in found])


def to_txt(transcript: Transcript, *, labels: bool = False) -> str:
    """The plain text, one line for each segment; an empty line if there are none.

    With `labels`, the name of a speaker is before the first line of each turn.
    """
    lines: list[str] = []
    speaker: str | None = None
    for segment in transcript.segments:
        if line := " ".join(CONTROL.sub("", segment.text).split()):
            named = labels and segment.speaker and segment.speaker != speaker
            lines.append(f"{segment.speaker}: {line}\n" if named else f"{line}\n")
            speaker = segment.speaker
    return CONTROL.sub("", "".join(lines)) or "\n"


def escaped(text: str) -> str:
    """A text in which everything is escaped that WebVTT would read as markup, except real markup."""
    parts = re.split(f"({TAG})", text)
    return "".join(part if number % 2 else escape(part, quote=False) for number, part in enumerate(parts))


def _refuse_broken(lines: Sequence[str]) -> None:
    """Raise `UnreadableMedia` for damaged times: a player would show their cue as text."""
    for number, line in enumerate(lines):
        before = lines[number - 1].strip() if number else ""
        if (not before or before.isdecimal()) and _BROKEN_TIMES.match(line) and not _TIMES.match(line):
            raise UnreadableMedia(
                f"Line {number + 1}, '{line.strip()[:60]}', does not give the times of a cue.",
                hint="Write it like this: 00:00:01,000 --> 00:00:02,500",
            )


def _until_blank(lines: Sequence[str], first: int, after: int | None) -> tuple[int, int]:
    """The end of a cue in WebVTT: a blank line."""
    end = len(lines) if after is None else after
    return first, next((number for number in range(first, end) if not lines[number].strip()), end)


def _until_next(lines: Sequence[str], first: int, after: int | None) -> tuple[int, int]:
    """The end of a cue in SubRip: the next number and times, since some texts contain blank lines."""
    end = len(lines) if after is None else after
    if after is not None and end > first and lines[end - 1].strip().isdecimal():
        end -= 1
    while end > first and not lines[end - 1].strip():
        end -= 1
    return first, end
