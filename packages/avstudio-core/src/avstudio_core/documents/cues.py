"""Words to cues: what stands on the screen at a time.

Limits after the Netflix Timed Text Style Guide. The breaks are found for the whole transcript at once, as Knuth
and Plass break paragraphs ("Breaking Paragraphs into Lines", 1981): of all groupings that keep the limits, the
one that costs least.
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
"""How many seconds a cue stands: at least, where there is room, and at most."""
READING_SPEED = 20.0
"""Columns a second; a cue that has more stands longer, where there is room."""
PAUSE, LONG_PAUSE = 0.5, 2.0
"""Seconds of silence at which a cue should end, and at which it does."""

# What a break at a pause costs; and what it costs to leave such a place inside a cue.
_AT_PAUSE = 1.0
_OVER_SENTENCE, _OVER_PAUSE = 2.0, 1.5
_EACH_CUE, _TOO_SHORT = 1.0, 4.0
_FRAGMENT = 4.0
"""What a word alone costs where the rest of its phrase stands in another cue."""
_TICK = 0.001
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown for a while; times in seconds."""

    start: float
    end: float
    text: str
    """Its lines, with their markup."""

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(self.text.split("\n"))


@dataclass(frozen=True, slots=True)
class _Timed(Piece):
    """A piece, and when it is said."""

    start: float
    end: float
    last: bool = False
    """Whether a segment ends with it."""


def cues(transcript: Transcript) -> list[Cue]:
    """All words, in cues of one or two lines that follow each other without overlap, each for some time.

    Words without times of their own share their segment's time by length. A line is wider than `COLUMNS` only
    where a single word is. `-->`, which ends subtitles, becomes `→`.
    """
    found = _pieces(transcript)
    groups = [found[begin:end] for begin, end in _grouped(found)]
    return list(_timed(groups, transcript.duration))


def _grouped(found: Sequence[_Timed]) -> list[tuple[int, int]]:
    """The ranges of pieces that make the cues: the cheapest path over the places where cues can end."""
    count = len(found)
    line_ends = _line_ends(found)
    best: list[tuple[float, int]] = [(0.0, 0), *[(math.inf, 0)] * count]
    """For each place: the cost of all cues up to it, and where the last of them begins."""
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
    """For each piece, where a line that begins with it must end at the latest."""
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
    """What it costs that a cue ends where it ends, and stands for too short a time."""
    if end == len(found):
        return 0.0
    short = 1 - (found[end].start - found[begin].start) / SHORTEST
    return _break_cost(found[end - 1], found[end]) + _TOO_SHORT * max(0.0, short)


def _parted(found: Sequence[_Timed], at: int) -> bool:
    """Whether a break before piece `at` parts a phrase."""
    return 0 < at < len(found) and _break_cost(found[at - 1], found[at]) > _AT_PAUSE


def _break_cost(piece: _Timed, following: _Timed) -> float:
    """What a break costs the sense; a pause makes it cheap."""
    cost = break_cost(piece, following)
    pause = piece.last or following.start - piece.end >= PAUSE
    return min(cost, _AT_PAUSE) if pause and not following.is_mark else cost


def _over_cost(found: Sequence[_Timed], end: int) -> float:
    """The cost of a cue that goes on beyond the boundary before piece `end`."""
    if end == len(found):
        return 0.0
    piece, silence = found[end - 1], found[end].start - found[end - 1].end
    if silence >= LONG_PAUSE:
        return math.inf
    over_pause = _OVER_PAUSE if piece.last or silence >= PAUSE else 0.0
    return max(over_pause, _OVER_SENTENCE if piece.ends_sentence else 0.0)


def _timed(groups: Sequence[Sequence[_Timed]], duration: float) -> Iterator[Cue]:
    """Cues that stand long enough to be read, and go when the next one comes."""
    now = 0.0
    for number, group in enumerate(groups):
        start = max(now, round(group[0].start, 3))
        enough = max(SHORTEST, sum(piece.columns for piece in group) / READING_SPEED)
        end = min(max(group[-1].end, start + enough), start + LONGEST)
        room = groups[number + 1][0].start if number + 1 < len(groups) else max(duration, group[-1].end)
        now = max(round(min(end, room), 3), round(start + _TICK, 3))
        yield Cue(start, now, "\n".join(in_lines(group, COLUMNS, _break_cost)).replace("-->", "→"))


def _pieces(transcript: Transcript) -> list[_Timed]:
    """All of them, with times that never go back, whatever a model said."""
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
    """The pieces of a text, each with a part of its time as large as its part of the text."""
    found = pieces(_CONTROL.sub("", timed.text), bare=bare)
    second = max(timed.end - timed.start, 0.0) / max(sum(piece.columns for piece in found), 1)
    start = timed.start
    for piece in found:
        end = start + second * piece.columns
        yield _Timed(piece.text, piece.spaced, piece.seen, piece.columns, start, end)
        start = end
