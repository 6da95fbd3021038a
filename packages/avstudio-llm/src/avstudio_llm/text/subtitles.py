"""SubRip and WebVTT files whose words are replaced while all else stays as it is.

Libraries for subtitles convert: cue settings, names and notes of WebVTT are lost, and lines of a cue that are only a
number. A translation has to keep them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from avstudio_core.errors import UnreadableMedia

Format = Literal["srt", "vtt"]
MEDIA_TYPES: dict[Format, str] = {"srt": "application/x-subrip", "vtt": "text/vtt"}

TAG = r"(?:</?[A-Za-z0-9][^<>\n]*>|\{\\[^{}\n]*\})"
"""Markup: `<i>`, `<v Ann>`, `<00:01:02.000>`, `{\\an8}`."""
_MARKUP = re.compile(TAG)
_STAMP = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMES = re.compile(rf"\s*{_STAMP}\s*-->\s*{_STAMP}(?:\s|$)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown for a while; times in seconds."""

    start: float
    end: float
    text: str
    """Its lines, with their markup."""


@dataclass(frozen=True, slots=True)
class Subtitles:
    """A file of cues."""

    format: Format
    cues: tuple[Cue, ...]
    lines: tuple[str, ...]
    places: tuple[tuple[int, int], ...]
    """The lines of each cue's text: the first, and the one after the last."""

    @classmethod
    def parse(cls, text: str) -> Subtitles:
        """Read a file. Raises `UnreadableMedia` where there is no cue in it."""
        lines = re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff"))
        format: Format = "vtt" if lines[0].startswith("WEBVTT") else "srt"
        timed = [(number, match) for number, line in enumerate(lines) if (match := _TIMES.match(line))]
        if not timed:
            raise UnreadableMedia("No cue with times is in it.")
        heads = [number for number, _ in timed]
        find = _until_blank if format == "vtt" else _until_next
        places = tuple(find(lines, head + 1, after) for head, after in zip(heads, [*heads[1:], None], strict=True))
        cues = tuple(
            Cue(_seconds(match, 0), _seconds(match, 4), "\n".join(line for line in lines[first:last] if line.strip()))
            for (_, match), (first, last) in zip(timed, places, strict=True)
        )
        return cls(format, cues, tuple(lines), places)

    @classmethod
    def of(cls, cues: Sequence[Cue], format: Format) -> Subtitles:
        """A new file."""
        point = "." if format == "vtt" else ","
        lines, places = ["WEBVTT", ""] if format == "vtt" else [], []
        for number, cue in enumerate(cues, 1):
            head = [] if format == "vtt" else [str(number)]
            lines += [*head, f"{_stamp(cue.start, point)} --> {_stamp(cue.end, point)}"]
            places.append((len(lines), len(lines) + 1))
            lines += [cue.text, ""]
        return cls(format, tuple(cues), tuple(lines), tuple(places))

    def written(self, texts: Sequence[str]) -> str:
        """The file with other words, one text for each cue."""
        pieces: list[str] = []
        done = 0
        for (first, last), text in zip(self.places, texts, strict=True):
            pieces += [*self.lines[done:first], *([text] if text else [])]
            done = last
        return "\n".join([*pieces, *self.lines[done:]])


def plain(text: str) -> str:
    """A cue's words without markup, in one line."""
    return " ".join(_MARKUP.sub("", text).split())


def markup(text: str) -> list[str]:
    """The tags of a text, in their order."""
    return _MARKUP.findall(text)


def escaped(text: str) -> str:
    """Words as WebVTT wants them: what is no markup is escaped."""
    parts = re.split(f"({TAG})", text)
    return "".join(part if number % 2 else escape(part, quote=False) for number, part in enumerate(parts))


def _until_blank(lines: Sequence[str], first: int, after: int | None) -> tuple[int, int]:
    """In WebVTT a blank line ends a cue."""
    end = len(lines) if after is None else after
    return first, next((number for number in range(first, end) if not lines[number].strip()), end)


def _until_next(lines: Sequence[str], first: int, after: int | None) -> tuple[int, int]:
    """In SubRip the next cue does, with the number before its times: some texts hold blank lines."""
    end = len(lines) if after is None else after
    if after is not None and end > first and lines[end - 1].strip().isdecimal():
        end -= 1
    while end > first and not lines[end - 1].strip():
        end -= 1
    return first, end


def _seconds(match: re.Match[str], at: int) -> float:
    hours, minutes, seconds, fraction = match.groups()[at : at + 4]
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return (whole * 1000 + int(fraction.ljust(3, "0"))) / 1000


def _stamp(seconds: float, point: str) -> str:
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(whole, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{second:02}{point}{milliseconds:03}"
