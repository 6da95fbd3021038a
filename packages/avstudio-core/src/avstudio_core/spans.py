"""Spans of time that a request names."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from avstudio_core.errors import InvalidParams
from avstudio_core.quotes import quoted
from avstudio_core.refusal import value_refusal

DIGITS = "[0-9]{1,12}"
TIME = (
    rf"(?:(?:({DIGITS}):(?=[0-5]?[0-9]:))?({DIGITS}):(?=[0-5]?[0-9](?![0-9])))?"
    rf"({DIGITS}(?:\.[0-9]*)?|\.[0-9]+)"
)
"""Hours, minutes and seconds; after a colon there are at most 59."""
SPAN = re.compile(rf"(?:{TIME}\s*)?-\s*(?:{TIME})?")
HINT = "Give one such as '10-20.5' or '1:30-', with at most 59 after a colon."

Span = tuple[float, float]
"""Start and end in seconds, half-open."""
WHOLE: Span = (0.0, math.inf)
LATEST = 1e9
"""In seconds. No recording is longer, and later times do not fit into the numbers of samples and packets."""


def span_of(text: str) -> Span:
    """A span from text: `10-20.5`, `1:30-2:00`, `-5` from the start, `90-` to the end. Raises `InvalidParams`."""
    found = SPAN.fullmatch(text.strip())
    if found is None:
        raise InvalidParams(f"{quoted(text)} is not a span of time.", hint=HINT)
    start, end = _seconds(found.groups()[:3], 0.0), _seconds(found.groups()[3:], math.inf)
    return _checked(f"The span {quoted(text)}", start, end)


def checked_spans(texts: list[str]) -> list[str]:
    """The same texts. Raises `ValueError` for one that is not a span, as a validator of parameters must."""
    for text in texts:
        try:
            span_of(text)
        except InvalidParams as error:
            raise value_refusal(error.message, error.hint or HINT) from None
    return texts


def one_span(start: float, end: float | None) -> Span:
    """The span from `start` to `end`, `None` being the end of the file. Raises `InvalidParams`."""
    last = math.inf if end is None else end
    return _checked(f"The span from '{start:g}' to '{last:g}' s", start, last)


def kept_spans(keep: Sequence[Span], remove: Sequence[Span]) -> list[Span]:
    """The union of the spans to keep (all time if there are none) without those to remove, in order."""
    removed, kept = _union(remove), []
    for start, end in _union(keep or [WHOLE]):
        for low, high in (one for one in removed if one[0] < end and start < one[1]):
            kept.append((start, low))
            start = high
        kept.append((start, end))
    return [(start, end) for start, end in kept if start < end]


def _union(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _checked(name: str, start: float, end: float) -> Span:
    """The same span. Raises `InvalidParams` for one that is reversed or empty, and for a time after `LATEST`."""
    if not start < end:
        fault = "ends before it begins" if end < start else "is empty"
        raise InvalidParams(f"{name} {fault}.", hint="Give an end that is after the start.")
    late = max(time for time in (start, end) if math.isfinite(time))
    if late > LATEST:
        raise InvalidParams(f"The time '{late:g}' s is too late.", hint=f"Give at most {LATEST:g} s.")
    return start, end


def _seconds(parts: tuple[str | None, ...], default: float) -> float:
    hours, minutes, seconds = parts
    if seconds is None:
        return default
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds)
