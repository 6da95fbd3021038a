"""Groups words into cues, the texts that are on the screen at one time.

The limits are those of the Netflix Timed Text Style Guide. The breaks are chosen for the whole transcript at once, as
Knuth and Plass break paragraphs ("Breaking Paragraphs into Lines", 1981): of all groupings within the limits, the one
with the lowest cost is used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from avstudio_core.documents.line_breaks import break_cost, in_lines
from avstudio_core.documents.pieces import Piece, pieces, width
from avstudio_core.documents.transcript import Segment, Transcript, Word

COLUMNS = 42
"""The width of a line."""
SHORTEST, LONGEST = 0.833, 7.0
"""The shortest and longest time of a cue in seconds; it is shorter only if the next cue leaves no time."""
READING_SPEED = 20.0
"""The most columns a second; a cue with more is shown longer, if the next cue leaves time."""
PAUSE, LONG_PAUSE = 0.5, 2.0
"""Seconds of silence at which a cue should end, and at which it must end."""

# The cost of a break at a pause, and the cost of a pause inside a cue.
_AT_PAUSE = 1.0
_OVER_SENTENCE, _OVER_PAUSE = 2.0, 1.5
_EACH_CUE, _TOO_SHORT = 1.0, 4.0
_FRAGMENT = 4.0
"""The cost of a single word that is separated from its phrase."""
_TICK = 0.001
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")


@dataclass(frozen=True, slots=True)
class Cue:
    """A text on the screen; times in seconds."""

    start: float
    end: float
    text: str
    """Its lines, with their markup."""

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(self.text.split("\n"))


@dataclass(frozen=True, slots=True)
class _Timed(Piece):
    """A piece of text with its times."""

    start: float
    end: float
    last: bool = False
    """Whether it is the last piece of a segment."""


def cues(transcript: Transcript) -> list[Cue]:
    """All words as cues of one or two lines, without overlap.

    Words without times divide the time of their segment by their length. A line is wider than `COLUMNS` only if a
    single word is. `-->` would break the file format, so it becomes `→`.
    """
    found = _pieces(transcript)
    groups = [found[begin:end] for begin, end in _grouped(found)]
    return list(_timed(groups, transcript.duration))


def _grouped(found: Sequence[_Timed]) -> list[tuple[int, int]]:
    """The ranges of pieces that form the cues: the cheapest path over the places where cues can end."""
    count = len(found)
    line_ends = _line_ends(found)
    best: list[tuple[float, int]] = [(0.0, 0), *[(math.inf, 0)] * count]
    """For each place, the cost of all cues before it, and where the last of them begins."""
    for begin in range(count):
        over, columns = 0.0, 0
        for end in range(begin + 1, line_ends[line_ends[begin]] + 1):
            if end > begin + 1 and found[end - 1].end - found[begin].start > LONGEST:
                break
            columns += found[end - 1].columns
            cost = best[begin][0] + _EACH_CUE + over + _end_cost(found, begin, end)
            cost += _FRAGMENT * max(0.0, 1 - 2 * columns / COLUMNS) * (_parted(found, begin) or _parted(found, end))
            best[end] = min(best[end], (cost, begin))
            over += _over_cost(found, end)
    ranges, end = [], count
    while end:
        ranges.append((best[end][1], end))
        end = best[end][1]
    return ranges[::-1]


def _line_ends(found: Sequence[_Timed]) -> list[int]:
    """For each piece, the last place where a line that starts with it can end."""
    ends = [len(found)] * (len(found) + 1)
    end = 0
    columns = 0
    for begin, piece in enumerate(found):
        if end == begin:
            columns, end = piece.columns, begin + 1
        while end < len(found) and columns + found[end].spaced + found[end].columns <= COLUMNS:
            columns += found[end].spaced + found[end].columns
            end += 1
        ends[begin] = end
        columns -= piece.columns + (found[begin + 1].spaced if begin + 1 < end else 0)
    return ends


def _end_cost(found: Sequence[_Timed], begin: int, end: int) -> float:
    """The cost of a cue's end, and of a time that is too short."""
    if end == len(found):
        return 0.0
    short = 1 - (found[end].start - found[begin].start) / SHORTEST
    return _break_cost(found[end - 1], found[end]) + _TOO_SHORT * max(0.0, short)


def _parted(found: Sequence[_Timed], at: int) -> bool:
    """Whether a break before piece `at` splits a phrase."""
    return 0 < at < len(found) and _break_cost(found[at - 1], found[at]) > _AT_PAUSE


def _break_cost(piece: _Timed, following: _Timed) -> float:
    """The cost of a break for the meaning; it is low at a pause."""
    cost = break_cost(piece, following)
    pause = piece.last or following.start - piece.end >= PAUSE
    return min(cost, _AT_PAUSE) if pause and not following.is_mark else cost


def _over_cost(found: Sequence[_Timed], end: int) -> float:
    """The cost of a cue that continues over the boundary before piece `end`."""
    if end == len(found):
        return 0.0
    piece, silence = found[end - 1], found[end].start - found[end - 1].end
    if silence >= LONG_PAUSE:
        return math.inf
    over_pause = _OVER_PAUSE if piece.last or silence >= PAUSE else 0.0
    return max(over_pause, _OVER_SENTENCE if piece.ends_sentence else 0.0)


def _timed(groups: Sequence[Sequence[_Timed]], duration: float) -> Iterator[Cue]:
    """Cues with times long enough for reading, each ending before the next one starts."""
    now = 0.0
    for number, group in enumerate(groups):
        start = max(now, round(group[0].start, 3))
        enough = max(SHORTEST, sum(piece.columns for piece in group) / READING_SPEED)
        end = min(max(group[-1].end, start + enough), start + LONGEST)
        room = groups[number + 1][0].start if number + 1 < len(groups) else max(duration, group[-1].end)
        now = max(round(min(end, room), 3), round(start + _TICK, 3))
        yield Cue(start, now, "\n".join(in_lines(group, COLUMNS, _break_cost)).replace("-->", "→"))


def _pieces(transcript: Transcript) -> list[_Timed]:
    """All pieces, with times that never decrease, even if those of the model do."""
    now, found = 0.0, []
    for segment in transcript.segments:
        for piece in _of_segment(segment):
            now = max(now, piece.start)
            found.append(replace(piece, start=now, end=max(now, piece.end)))
    return found


def _of_segment(segment: Segment) -> Iterator[_Timed]:
    words: Sequence[Word | Segment] = segment.words or [segment]
    bare = not any(word.text[:1].isspace() for word in words[1:]) and len(segment.text.split()) > 1
    found = [piece for word in words for piece in _of_text(word, bare)]
    for number, piece in enumerate(found):
        spaced = piece.spaced if number else width(piece.text[0]) < 2
        yield replace(piece, spaced=spaced, last=number == len(found) - 1)


def _of_text(timed: Word | Segment, bare: bool) -> Iterator[_Timed]:
    """The pieces of a text; each gets a part of the time in proportion to its length."""
    found = pieces(_CONTROL.sub("", timed.text), bare=bare)
    second = max(timed.end - timed.start, 0.0) / max(sum(piece.columns for piece in found), 1)
    start = timed.start
    for piece in found:
        end = start + second * piece.columns
        yield _Timed(piece.text, piece.spaced, piece.seen, piece.columns, start, end)
        start = end
