"""Money and periods."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from avstudio_core.errors import InvalidInput
from avstudio_core.money import LARGEST_MICRO, dollars, micro
from avstudio_core.periods import Period, span, starts

MOMENT = st.floats(0, 4e9) | st.integers(0, 40_000).map(lambda day: day * 86_400.0)


@given(st.integers(0, LARGEST_MICRO))
def test_a_displayed_amount_can_be_parsed_back(amount: int) -> None:
    assert micro(dollars(amount)) == amount


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(0, "$0.00"), (5_000_000, "$5.00"), (2_500_000, "$2.50"), (125, "$0.000125"), (-1_030_000, "-$1.03")],
)
def test_money_has_two_decimals_or_as_many_as_it_needs(amount: int, shown: str) -> None:
    assert dollars(amount) == shown


@pytest.mark.parametrize("given", ["", "five", "nan", "inf", "-1", "0.0000001", "1e10", "5,00", "1 0"])
def test_an_invalid_amount_is_refused(given: str) -> None:
    with pytest.raises(InvalidInput, match=f"'{given}'"):
        micro(given)


@given(MOMENT)
def test_a_moment_lies_in_exactly_one_period_of_each_length(moment: float) -> None:
    there = datetime.fromtimestamp(moment, UTC)
    assert starts(moment) == {"day": f"{there:%Y-%m-%d}", "month": f"{there:%Y-%m}", "total": "total"}
    periods: tuple[Period, ...] = ("day", "month", "total")
    for period in periods:
        begin, end = span(period, starts(moment)[period])
        assert begin <= moment < end
        if period != "total":
            assert starts(end)[period] != starts(moment)[period] == starts(begin)[period]
