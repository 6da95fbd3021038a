"""The times of cues: long enough for reading, with the gaps of the rules, and on the cuts of a video."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from avstudio_core.documents.subtitle_rules import SubtitleRules
from avstudio_core.documents.timed_pieces import TimedPiece, columns_of

NEAR_START, NEAR_END = 0.3, 0.5
"""A cue that begins so close to a cut begins at the cut; one that ends so close before it lasts until the cut."""
Group = Sequence[TimedPiece]


def times(
    groups: Sequence[Group], rules: SubtitleRules, cuts: Sequence[float], until: float
) -> list[tuple[float, float]]:
    """Start and end of each cue in seconds, each ending before the next one starts.

    `cuts` are frames of the rules' grid, in ascending order. The last cue ends at `until` or with its last word.
    """
    starts = _starts(groups, rules, cuts)
    nexts = [*starts[1:], None][: len(starts)]
    return [
        (start, _end(group, start, following, rules, cuts, until))
        for group, start, following in zip(groups, starts, nexts, strict=True)
    ]


def near(cuts: Sequence[float], time: float, before: float, after: float) -> float | None:
    """The cut that is closest to a time, from `before` seconds before it to `after` seconds after it."""
    at = bisect_left(cuts, time)
    found = [cut for cut in cuts[max(0, at - 1) : at + 1] if -before <= cut - time <= after]
    return min(found, key=lambda cut: abs(cut - time), default=None)


def _starts(groups: Sequence[Group], rules: SubtitleRules, cuts: Sequence[float]) -> list[float]:
    """The starts, which rise; each is at a cut if one is near and the cues around keep their time."""
    spoken: list[float] = []
    for group in groups:
        spoken.append(max(rules.grid.nearest(group[0].start), rules.grid.after(spoken[-1]) if spoken else 0.0))
    starts = list(spoken)
    for number, start in enumerate(spoken):
        cut = near(cuts, start, NEAR_START, NEAR_START)
        if cut is None:
            continue
        before = min(rules.shortest + rules.gap, start - starts[number - 1]) if number else 0.0
        after = min(rules.shortest + rules.gap, spoken[number + 1] - start) if number + 1 < len(spoken) else 0.0
        room = cut - (starts[number - 1] if number else 0.0) >= before
        if room and (number + 1 == len(spoken) or spoken[number + 1] - cut >= after):
            starts[number] = cut
    return starts


def _end(
    group: Group, start: float, following: float | None, rules: SubtitleRules, cuts: Sequence[float], until: float
) -> float:
    """The end of a cue, so late that it can be read, and so early that the next one can begin after the gap."""
    enough = max(rules.shortest, columns_of(group) / rules.reading_speed)
    latest = min(start + rules.longest, _room(group, start, following, rules, until))
    latest = rules.grid.preceding(latest)
    end = min(rules.grid.following(max(group[-1].end, start + enough)), latest)
    if following is not None and following - end < rules.closed_gap:
        end = latest
    cut = near(cuts, end, NEAR_START, NEAR_END)
    on_cut = None if cut is None else rules.grid.preceding(cut - rules.gap)
    if on_cut is not None and start + enough <= on_cut <= latest:
        end = on_cut
    return max(end, rules.grid.after(start))


def _room(group: Group, start: float, following: float | None, rules: SubtitleRules, until: float) -> float:
    """The time by which a cue has to end. Where two cues begin at nearly the same time, it is halfway."""
    if following is None:
        return max(until, group[-1].end)
    return max(following - rules.gap, (start + following) / 2)
