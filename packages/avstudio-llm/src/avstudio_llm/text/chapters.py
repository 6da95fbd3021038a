"""Chapters of a recording. A model chooses passages and titles; the times come from the passages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from pydantic import BaseModel, ConfigDict, Field

from avstudio_core.documents.timed_text import Passage

LONGEST_TITLE = 120


class Chapter(BaseModel):
    """A part of a recording about one topic."""

    model_config = ConfigDict(frozen=True)

    title: str = Field(description="The topic.")
    start: float = Field(ge=0, description="Begin.", json_schema_extra={"unit": "s"})
    end: float = Field(ge=0, description="End.", json_schema_extra={"unit": "s"})


def chapters(titles: Mapping[int, str], passages: Sequence[Passage], duration: float, most: int) -> list[Chapter]:
    """Chapters that begin at the numbered passages, in order and without overlap, from the first passage on.

    If there are more than `most`, the shortest are merged into those before them.
    """
    firsts = sorted(titles)
    if not firsts:
        return []
    starts = [passages[0].start or 0.0, *(passages[first].start or 0.0 for first in firsts[1:])]
    found = [
        Chapter(title=titles[first], start=start, end=end)
        for first, start, end in zip(firsts, starts, [*starts[1:], duration], strict=True)
        if start < end or len(firsts) == 1
    ]
    while len(found) > most:
        shortest = min(range(1, len(found)), key=lambda number: found[number].end - found[number].start)
        found[shortest - 1 : shortest + 1] = [found[shortest - 1].model_copy(update={"end": found[shortest].end})]
    return found


def in_order(found: Sequence[Chapter], duration: float) -> bool:
    """Whether chapters lie in the recording and do not overlap."""
    inside = all(0 <= chapter.start <= chapter.end <= duration for chapter in found)
    return inside and all(one.end <= after.start for one, after in pairwise(found))
