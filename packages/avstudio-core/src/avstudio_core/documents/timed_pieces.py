"""The pieces of a transcript with their times, which cues are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from avstudio_core.documents.pieces import Piece, pieces, width
from avstudio_core.documents.transcript import Segment, Transcript, Word

CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")


@dataclass(frozen=True, slots=True)
class TimedPiece(Piece):
    """A piece of text with its times in seconds."""

    start: float
    end: float
    last: bool = False
    """Whether it is the last piece of a segment."""
    speaker: str | None = None


def timed_pieces(transcript: Transcript, *, labels: bool = False) -> list[TimedPiece]:
    """All pieces, with times that never decrease, even if those of the model do.

    With `labels`, the name of a speaker is before the first word of each turn.
    """
    now, found = 0.0, []
    speaker: str | None = None
    for segment in transcript.segments:
        label = segment.speaker if labels and segment.speaker != speaker else None
        speaker = segment.speaker
        for piece in _of_segment(segment):
            now = max(now, piece.start)
            timed = replace(piece, start=now, end=max(now, piece.end), speaker=speaker)
            found.append(_labelled(timed, label))
            label = None
    return found


def columns_of(found: Sequence[TimedPiece]) -> int:
    """The columns of pieces and of the spaces between them."""
    return sum(piece.columns + piece.spaced for piece in found) - sum(piece.spaced for piece in found[:1])


def _labelled(piece: TimedPiece, label: str | None) -> TimedPiece:
    if label is None:
        return piece
    text, seen = (f"{' '.join(CONTROL.sub('', label).split())}: {one}" for one in (piece.text, piece.seen))
    return replace(piece, text=text, seen=seen, columns=width(seen))


def _of_segment(segment: Segment) -> Iterator[TimedPiece]:
    words: Sequence[Word | Segment] = segment.words or [segment]
    bare = not any(word.text[:1].isspace() for word in words[1:]) and len(segment.text.split()) > 1
    found = [piece for word in words for piece in _of_text(word, bare)]
    for number, piece in enumerate(found):
        spaced = piece.spaced if number else width(piece.text[0]) < 2
        yield replace(piece, spaced=spaced, last=number == len(found) - 1)


def _of_text(timed: Word | Segment, bare: bool) -> Iterator[TimedPiece]:
    """The pieces of a text; each gets a part of the time in proportion to its length."""
    found = pieces(CONTROL.sub("", timed.text), bare=bare)
    second = max(timed.end - timed.start, 0.0) / max(sum(piece.columns for piece in found), 1)
    start = timed.start
    for piece in found:
        end = start + second * piece.columns
        yield TimedPiece(piece.text, piece.spaced, piece.seen, piece.columns, start, end)
        start = end
