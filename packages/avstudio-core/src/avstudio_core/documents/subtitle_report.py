"""The report on subtitles: which cue breaks which rule, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from avstudio_core.documents.cue_times import NEAR_END, NEAR_START, near
from avstudio_core.documents.cues import Cue
from avstudio_core.documents.pieces import plain, width
from avstudio_core.documents.subtitle_rules import SubtitleRules

Rule = Literal["line_length", "lines", "reading_speed", "min_duration", "max_duration", "min_gap", "snap_to"]
TOLERANCE = 0.0015
"""In seconds: times are rounded to milliseconds."""
LISTED = 200
"""The most breaches that a report lists; it counts all."""


class Breach(BaseModel):
    """A rule that a cue breaks."""

    model_config = ConfigDict(frozen=True)

    cue: int = Field(ge=1, description="Its number.")
    start: float = Field(ge=0, description="Its start.", json_schema_extra={"unit": "s"})
    rule: Rule = Field(description="The parameter that sets the rule.")
    value: float = Field(description="The value of the cue.")
    limit: float = Field(description="The value that the rule allows.")
    cause: str = Field(default="", description="Why the rule cannot be met, if it cannot.")


class SubtitleReport(BaseModel):
    """Which rules some subtitles break."""

    model_config = ConfigDict(frozen=True)

    cues: int = Field(ge=0, description="Number of cues.")
    broken: dict[str, int] = Field(default={}, description="Number of cues that break a rule, by rule.")
    breaches: list[Breach] = Field(
        default=[], description=f"The breaches in the order of time, at most {LISTED}.", max_length=LISTED
    )

    @property
    def summary(self) -> str:
        """The broken rules in words, such as `reading_speed (3 cues)`."""
        return ", ".join(f"{rule} ({count} cue{'s' * (count > 1)})" for rule, count in self.broken.items())


class _Place(NamedTuple):
    """A cue between its neighbours."""

    cue: Cue
    number: int
    following: Cue | None


def report(cues: Sequence[Cue], rules: SubtitleRules, cuts: Sequence[float] = ()) -> SubtitleReport:
    """Compare cues in the order of time with the rules; `cuts` are times in seconds."""
    ordered = sorted(map(rules.grid.nearest, cuts))
    found: list[Breach] = []
    for number, cue in enumerate(cues):
        place = _Place(cue, number + 1, cues[number + 1] if number + 1 < len(cues) else None)
        found += [*_of_text(place, rules), *_of_times(place, rules), *_of_cuts(place, rules, ordered)]
    return SubtitleReport(cues=len(cues), broken=dict(Counter(one.rule for one in found)), breaches=found[:LISTED])


def _of_text(place: _Place, rules: SubtitleRules) -> Iterator[Breach]:
    lines = [plain(line) for line in place.cue.lines]
    widest = max(lines, key=width)
    if width(widest) > rules.columns:
        word = widest.removeprefix(f"{place.cue.speaker}: ")
        cause = "" if " " in word else "It is a single word."
        yield _breach(place, "line_length", width(widest), rules.columns, cause)
    if len(lines) > rules.lines:
        yield _breach(place, "lines", len(lines), rules.lines)


def _of_times(place: _Place, rules: SubtitleRules) -> Iterator[Breach]:
    cue, following = place.cue, place.following
    seconds = cue.end - cue.start
    cause = _obstacle(place, rules)
    columns = sum(width(plain(line)) for line in cue.lines)
    if columns > rules.reading_speed * (seconds + TOLERANCE):
        yield _breach(place, "reading_speed", columns / max(seconds, TOLERANCE), rules.reading_speed, cause)
    if seconds < rules.shortest - TOLERANCE:
        yield _breach(place, "min_duration", seconds, rules.shortest, cause)
    if seconds > rules.longest + TOLERANCE:
        yield _breach(place, "max_duration", seconds, rules.longest)
    if following is not None and following.start - cue.end < rules.gap - TOLERANCE:
        close = following.start - cue.start < 2 * rules.gap + _frame(rules)
        cause = "The cues begin at nearly the same time." if close else ""
        yield _breach(place, "min_gap", following.start - cue.end, rules.gap, cause)


def _obstacle(place: _Place, rules: SubtitleRules) -> str:
    """Why a cue cannot last longer."""
    cue, following = place.cue, place.following
    if cue.end - cue.start >= rules.longest - _frame(rules):
        return "It has the longest duration."
    if following is None:
        return "The recording ends."
    halfway = (cue.start + following.start) / 2
    full = cue.end >= max(following.start - rules.gap, halfway) - _frame(rules)
    return "The next cue begins." if full else ""


def _frame(rules: SubtitleRules) -> float:
    """By how much a cue may be shorter than what fits, because it ends at a frame."""
    return max(1 / rules.grid.exact, TOLERANCE)


def _of_cuts(place: _Place, rules: SubtitleRules, cuts: Sequence[float]) -> Iterator[Breach]:
    """Starts and ends that are close to a cut, but not at it."""
    cue = place.cue
    start, end = near(cuts, cue.start, NEAR_START, NEAR_START), near(cuts, cue.end, NEAR_START, NEAR_END)
    if start is not None and abs(start - cue.start) > TOLERANCE:
        yield _breach(place, "snap_to", cue.start, start, "Another cue is too close.")
    elif end is not None and not -TOLERANCE <= end - cue.end <= rules.gap + _frame(rules):
        yield _breach(place, "snap_to", cue.end, end, "The cue would be too short, or too long.")


def _breach(place: _Place, rule: Rule, value: float, limit: float, cause: str = "") -> Breach:
    start = round(place.cue.start, 3)
    return Breach(cue=place.number, start=start, rule=rule, value=round(value, 3), limit=round(limit, 3), cause=cause)
