"""The pieces of a transcript that no line break parts, with their times."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from unicodedata import east_asian_width

from avstudio_audio.speech.transcript import Segment, Transcript, Word

_UNSPACED = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_OPENING = r"「『（《〈【"
_PIECE = re.compile(rf"[{_OPENING}]*[{_UNSPACED}][^\s\w{_OPENING}]*|(?:(?![{_UNSPACED}])\S)+")
"""A word; in scripts without spaces, a character. Each with the marks around it."""
_SENTENCE_END = re.compile(r"[.!?…。！？]['\"”’»)\]」』]*$")
_CLAUSE_END = re.compile(r"[,;:，、；：—–]['\"”’»)\]」』]*$")
_MARK = re.compile(r"[!?;:»…%]+$")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A word with its marks; or a character, in scripts without spaces."""

    text: str
    start: float
    end: float
    spaced: bool
    """Whether a space parts it from the piece before."""
    last: bool = False
    """Whether a segment ends with it."""

    @property
    def columns(self) -> int:
        return width(self.text)

    @property
    def ends_sentence(self) -> bool:
        return bool(_SENTENCE_END.search(self.text))

    @property
    def ends_clause(self) -> bool:
        return bool(_CLAUSE_END.search(self.text))

    @property
    def is_mark(self) -> bool:
        """Whether it is only a mark that French sets apart, and that begins no line."""
        return bool(_MARK.match(self.text))


def width(text: str) -> int:
    """In columns: a Chinese, Japanese or Korean character takes two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def pieces(transcript: Transcript) -> list[Piece]:
    """All of them, with times that never go back, whatever a model said. `-->`, which ends subtitles, becomes `→`."""
    now, found = 0.0, []
    for segment in transcript.segments:
        for piece in _of_segment(segment):
            now = max(now, piece.start)
            found.append(replace(piece, start=now, end=max(now, piece.end)))
    return found


def _of_segment(segment: Segment) -> Iterator[Piece]:
    words: Sequence[Word | Segment] = segment.words or [segment]
    bare = not any(word.text[:1].isspace() for word in words[1:]) and len(segment.text.split()) > 1
    found = [piece for word in words for piece in _of_text(word, bare)]
    for number, piece in enumerate(found):
        spaced = piece.spaced if number else width(piece.text[0]) == 1
        yield replace(piece, spaced=spaced, last=number == len(found) - 1)


def _of_text(timed: Word | Segment, bare: bool) -> Iterator[Piece]:
    """The pieces of a text, each with a part of its time as large as its part of the text.

    `bare` words came without the space that parts them.
    """
    text = _CONTROL.sub("", timed.text).replace("-->", "→")
    found = list(_PIECE.finditer(text))
    second = max(timed.end - timed.start, 0.0) / max(sum(width(match[0]) for match in found), 1)
    start = timed.start
    for match in found:
        end = start + second * width(match[0])
        spaced = text[match.start() - 1].isspace() if match.start() else bare
        yield Piece(match[0], start, end, spaced)
        start = end
