"""Spans of time as users write them."""

from __future__ import annotations

import math

import pytest

from avstudio_core.errors import InvalidParams
from avstudio_core.spans import LATEST, Span, kept_spans, one_span, span_of


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1:02:03.5-", (3_723.5, math.inf)),
        ("-90", (0, 90)),
        ("-", (0, math.inf)),
        (" 1:30 - 2:00 ", (90, 120)),
        ("0-1000000000", (0, LATEST)),
    ],
)
def test_spans_are_read_from_text(text: str, meant: Span) -> None:
    assert span_of(text) == meant


@pytest.mark.parametrize(
    "text", ["", "5", "2-1", "a-b", "-1--2", "1e3-", "9999999999-", "0-9999999999", "1:90-", "٣-٥"]
)
def test_what_is_not_a_span_is_refused(text: str) -> None:
    with pytest.raises(InvalidParams):
        span_of(text)


@pytest.mark.parametrize(
    "text", ["9" * 5000 + ":00-", "1" * 300_000 + "-", " " * 300_000 + "x", "1" + " " * 300_000 + "x-"]
)
def test_long_texts_are_refused_at_once(text: str) -> None:
    with pytest.raises(InvalidParams, match="is not a span of time"):
        span_of(text)


@pytest.mark.parametrize(
    ("text", "fault"), [("2-1", "'2-1' ends before it begins"), ("1:00-60", "'1:00-60' is empty"), ("-0", "is empty")]
)
def test_what_is_wrong_with_the_ends_of_a_span_is_told(text: str, fault: str) -> None:
    with pytest.raises(InvalidParams, match=fault):
        span_of(text)
    with pytest.raises(InvalidParams, match=r"from '2' to '1' s ends before it begins"):
        one_span(2, 1)


@pytest.mark.parametrize(("start", "end"), [(1, 1), (2, 1), (1e308, None), (0, 1e15), (math.nan, 1)])
def test_a_span_that_no_recording_has_is_refused(start: float, end: float | None) -> None:
    with pytest.raises(InvalidParams):
        one_span(start, end)


@pytest.mark.parametrize(
    ("keep", "remove", "kept"),
    [
        ([], [(2, 3)], [(0, 2), (3, math.inf)]),
        ([(4, 6), (1, 2), (5, 7)], [], [(1, 2), (4, 7)]),
        ([(1, 9)], [(0, 2), (3, 5), (4, 6), (8, 20)], [(2, 3), (6, 8)]),
        ([(1, 2)], [(0, 3)], []),
    ],
)
def test_what_is_removed_is_not_kept(keep: list[Span], remove: list[Span], kept: list[Span]) -> None:
    assert kept_spans(keep, remove) == kept
