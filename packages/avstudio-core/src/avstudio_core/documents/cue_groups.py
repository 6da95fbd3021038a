"""Groups the pieces of a transcript into cues.

The breaks are chosen for the whole transcript at once, as Knuth and Plass break paragraphs ("Breaking Paragraphs into
Lines", 1981): of all groupings within the limits, the one with the lowest cost is used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from avstudio_core.documents.line_breaks import break_cost
from avstudio_core.documents.subtitle_rules import SubtitleRules
from avstudio_core.documents.timed_pieces import TimedPiece

PAUSE, LONG_PAUSE = 0.5, 2.0
"""Seconds of silence at which a cue should end, and at which it must end."""

# The cost of a break at a pause, and the cost of a pause inside a cue.
_AT_PAUSE = 1.0
_OVER_SENTENCE, _OVER_PAUSE = 2.0, 1.5
_EACH_CUE, _TOO_SHORT = 1.0, 4.0
_FRAGMENT = 4.0
"""The cost of a single word that is separated from its phrase."""


def grouped(found: Sequence[TimedPiece], rules: SubtitleRules, until: float) -> list[Sequence[TimedPiece]]:
    """The pieces of each cue: the cheapest path over the places where cues can end.

    `until` is the time at which the last cue has to end.
    """
    count = len(found)
    line_ends = _line_ends(found, rules.columns)
    best: list[tuple[float, int]] = [(0.0, 0), *[(math.inf, 0)] * count]
    """For each place, the cost of all cues before it, and where the last of them begins."""
    for begin in range(count):
        over, columns = 0.0, 0
        for end in range(begin + 1, _last_end(line_ends, begin, rules.lines) + 1):
            if end > begin + 1 and found[end - 1].end - found[begin].start > rules.longest:
                break
            columns += found[end - 1].columns + (found[end - 1].spaced and end > begin + 1)
            cost = best[begin][0] + _EACH_CUE + over + break_at(found, end)
            cost += _TOO_SHORT * _lack_of_time(found, begin, end, columns, rules, until)
            parted = _parted(found, begin) or _parted(found, end)
            cost += _FRAGMENT * max(0.0, 1 - 2 * columns / rules.columns) * parted
            best[end] = min(best[end], (cost, begin))
            over += _over_cost(found, end)
    return _path(found, best)


def _path(found: Sequence[TimedPiece], best: Sequence[tuple[float, int]]) -> list[Sequence[TimedPiece]]:
    groups, end = [], len(found)
    while end:
        groups.append(found[best[end][1] : end])
        end = best[end][1]
    return groups[::-1]


def _last_end(line_ends: Sequence[int], begin: int, lines: int) -> int:
    """The last place where a cue that begins there can end."""
    for _ in range(lines):
        begin = line_ends[begin]
    return begin


def _line_ends(found: Sequence[TimedPiece], limit: int) -> list[int]:
    """For each piece, the last place where a line that starts with it can end."""
    ends = [len(found)] * (len(found) + 1)
    end = 0
    columns = 0
    for begin, piece in enumerate(found):
        if end == begin:
            columns, end = piece.columns, begin + 1
        while end < len(found) and columns + found[end].spaced + found[end].columns <= limit:
            columns += found[end].spaced + found[end].columns
            end += 1
        ends[begin] = end
        columns -= piece.columns + (found[begin + 1].spaced if begin + 1 < end else 0)
    return ends


def _lack_of_time(
    found: Sequence[TimedPiece], begin: int, end: int, columns: int, rules: SubtitleRules, until: float
) -> float:
    """The part of the time for reading, 0 to 1, that the next cue does not leave."""
    following = found[end].start - rules.gap if end < len(found) else until
    needed = max(rules.shortest, columns / rules.reading_speed)
    return max(0.0, 1 - min(following - found[begin].start, rules.longest) / needed)


def _parted(found: Sequence[TimedPiece], at: int) -> bool:
    """Whether a break before piece `at` splits a phrase."""
    return break_at(found, at) > _AT_PAUSE


def break_at(found: Sequence[TimedPiece], at: int) -> float:
    """The cost of a break before piece `at`, for the meaning."""
    return meaning_cost(found[at - 1], found[at]) if 0 < at < len(found) else 0.0


def meaning_cost(piece: TimedPiece, following: TimedPiece) -> float:
    """The cost of a break for the meaning; it is low at a pause."""
    cost = break_cost(piece, following)
    pause = piece.last or following.start - piece.end >= PAUSE
    return min(cost, _AT_PAUSE) if pause and not following.is_mark else cost


def _over_cost(found: Sequence[TimedPiece], end: int) -> float:
    """The cost of a cue that continues over the boundary before piece `end`."""
    if end == len(found):
        return 0.0
    piece, following = found[end - 1], found[end]
    silence = following.start - piece.end
    if silence >= LONG_PAUSE or piece.speaker != following.speaker:
        return math.inf
    over_pause = _OVER_PAUSE if piece.last or silence >= PAUSE else 0.0
    return max(over_pause, _OVER_SENTENCE if piece.ends_sentence else 0.0)
