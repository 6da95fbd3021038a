"""What a request names to keep or to remove, as spans of time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from avstudio_core.spans import Span, kept_spans

Reason = Literal["time", "scene", "silence", "filler", "phrase"]


@dataclass(frozen=True, slots=True)
class Choice:
    """One span, and why it is kept or removed."""

    span: Span
    reason: Reason
    text: str = ""
    """What is said in it."""


@dataclass
class Choices:
    """All spans that are kept, or the whole video if nothing is named, and those that are removed from them."""

    keep: list[Choice] = field(default_factory=list)
    remove: list[Choice] = field(default_factory=list)

    def spans(self, handles: float) -> list[Span]:
        """The kept spans, in order; `handles` are seconds that are kept before and after each that is named."""
        keep = [(max(0.0, low - handles), high + handles) for low, high in _spans(self.keep)]
        return kept_spans(keep, _spans(self.remove))


def _spans(choices: Iterable[Choice]) -> list[Span]:
    return [one.span for one in choices]


def gaps(spans: Iterable[Span], end: float) -> list[Span]:
    """The time up to `end` that is in none of the spans, which are in order and do not overlap."""
    found, at = [], 0.0
    for start, stop in spans:
        found.append((at, start))
        at = stop
    return [(start, stop) for start, stop in [*found, (at, end)] if start < stop]
