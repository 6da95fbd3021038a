"""The periods of budgets: days and months, in UTC so that all processes agree, and all time."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Literal

Period = Literal["day", "month", "total"]
PERIODS: tuple[Period, ...] = ("day", "month", "total")
DAY_SECONDS = 86_400
EPOCH = date(1970, 1, 1).toordinal()
ALWAYS = (float("-inf"), float("inf"))


def named(period: Period, start: str) -> str:
    """A period as text."""
    return "in total" if period == "total" else f"{period} {start}"


def starts(at: float) -> dict[Period, str]:
    """The names of the periods that contain a time: `2026-11-22`, `2026-11`, `total`."""
    return _starts(int(at // DAY_SECONDS))


def span(period: Period, start: str) -> tuple[float, float]:
    """The start of a period, and the start of the next one."""
    if period == "total":
        return ALWAYS
    first = date.fromisoformat(start if period == "day" else f"{start}-01")
    if period == "day":
        return _moment(first.toordinal()), _moment(first.toordinal() + 1)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return _moment(first.toordinal()), _moment(following.toordinal())


@lru_cache(maxsize=64)
def _starts(day: int) -> dict[Period, str]:
    named = date.fromordinal(EPOCH + day).isoformat()
    return {"day": named, "month": named[:7], "total": "total"}


def _moment(ordinal: int) -> float:
    return float((ordinal - EPOCH) * DAY_SECONDS)
