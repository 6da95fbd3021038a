"""Words to cues: what stands on the screen at a time.

Limits after the Netflix Timed Text Style Guide. The breaks are found for the whole transcript at once, as Knuth
and Plass break paragraphs ("Breaking Paragraphs into Lines", 1981): of all groupings that keep the limits, the
one that costs least.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from avstudio_audio.speech.pieces import Piece, pieces, width
from avstudio_audio.speech.transcript import Transcript

COLUMNS = 42
"""The width of a line."""
SHORTEST, LONGEST = 0.833, 7.0
"""How many seconds a cue stands: at least, where there is room, and at most."""
READING_SPEED = 20.0
"""Columns a second; a cue that has more stands longer, where there is room."""
PAUSE, LONG_PAUSE = 0.5, 2.0
"""Seconds of silence at which a cue should end, and at which it does."""

# What a break costs, by what it comes after; and what it costs to leave such a place inside a cue.
_SENTENCE, _PAUSE, _CLAUSE, _ANYWHERE, _BEFORE_MARK = 0.0, 1.0, 2.0, 6.0, 50.0
_OVER_SENTENCE, _OVER_PAUSE = 2.0, 1.5
_EACH_CUE, _TOO_SHORT = 1.0, 4.0
_FRAGMENT = 4.0
"""What a word alone costs where the rest of its phrase stands in another cue."""
_LINE_BREAK = 0.1
"""How much the place of a line break weighs, against two lines of unequal length."""
_TICK = 0.001


@dataclass(frozen=True, slots=True)
class Cue:
    """One or two lines, and the seconds at which they come and go, to the millisecond."""

    start: float
    end: float
    lines: tuple[str, ...]


def cues(transcript: Transcript) -> list[Cue]:
    """All words, in cues that follow each other without overlap, each for some time.

    Words without times of their own share their segment's time by length. A line is wider than `COLUMNS` only
    where a single word is.
    """
    found = pieces(transcript)
    groups = [found[begin:end] for begin, end in _grouped(found)]
    return list(_timed(groups, transcript.duration))


def _grouped(found: Sequence[Piece]) -> list[tuple[int, int]]:
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


def _line_ends(found: Sequence[Piece]) -> list[int]:
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


def _end_cost(found: Sequence[Piece], begin: int, end: int) -> float:
    """What it costs that a cue ends where it ends, and stands for too short a time."""
    if end == len(found):
        return 0.0
    short = 1 - (found[end].start - found[begin].start) / SHORTEST
    return _break_cost(found[end - 1], found[end]) + _TOO_SHORT * max(0.0, short)


def _parted(found: Sequence[Piece], at: int) -> bool:
    """Whether a break before piece `at` parts a phrase."""
    return 0 < at < len(found) and _break_cost(found[at - 1], found[at]) > _PAUSE


def _break_cost(piece: Piece, following: Piece) -> float:
    if following.is_mark:
        return _BEFORE_MARK
    if piece.ends_sentence:
        return _SENTENCE
    if piece.last or following.start - piece.end >= PAUSE:
        return _PAUSE
    return _CLAUSE if piece.ends_clause else _ANYWHERE


def _over_cost(found: Sequence[Piece], end: int) -> float:
    """What it costs that a cue does not end before piece `end`."""
    if end == len(found):
        return 0.0
    piece, silence = found[end - 1], found[end].start - found[end - 1].end
    if silence >= LONG_PAUSE:
        return math.inf
    over_pause = _OVER_PAUSE if piece.last or silence >= PAUSE else 0.0
    return max(over_pause, _OVER_SENTENCE if piece.ends_sentence else 0.0)


def _timed(groups: Sequence[Sequence[Piece]], duration: float) -> Iterator[Cue]:
    """Cues that stand long enough to be read, and go when the next one comes."""
    now = 0.0
    for number, group in enumerate(groups):
        start = max(now, round(group[0].start, 3))
        enough = max(SHORTEST, sum(piece.columns for piece in group) / READING_SPEED)
        end = min(max(group[-1].end, start + enough), start + LONGEST)
        room = groups[number + 1][0].start if number + 1 < len(groups) else max(duration, group[-1].end)
        now = max(round(min(end, room), 3), round(start + _TICK, 3))
        yield Cue(start, now, _lines(group))


def _lines(group: Sequence[Piece]) -> tuple[str, ...]:
    """One line where that is wide enough; else two, as equal as the sense allows."""
    whole = _joined(group)
    if width(whole) <= COLUMNS or len(group) == 1:
        return (whole,)

    def cost(end: int) -> tuple[bool, float]:
        upper, lower = width(_joined(group[:end])), width(_joined(group[end:]))
        fits = (upper <= COLUMNS or end == 1) and (lower <= COLUMNS or end == len(group) - 1)
        place = _break_cost(group[end - 1], group[end])
        return not fits, abs(upper - lower) / COLUMNS + _LINE_BREAK * place

    middle = min(range(1, len(group)), key=cost)
    return _joined(group[:middle]), _joined(group[middle:])


def _joined(group: Sequence[Piece]) -> str:
    return "".join(" " * piece.spaced + piece.text for piece in group).strip()
