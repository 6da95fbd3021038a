"""A page of a long list."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

from avstudio_core.errors import InvalidInput
from avstudio_core.quotes import quoted

T = TypeVar("T")
MOST = 2**63 - 1
"""The largest number that the database takes."""
FARTHEST = 1e18
"""No time is further away, in seconds."""


class Page(NamedTuple, Generic[T]):
    """A part of a list, and where the next part begins."""

    items: list[T]
    next: str | None
    """The cursor of the next page; `None` on the last one."""


def page_of(found: list[T], limit: int, cursor: Callable[[T], str]) -> Page[T]:
    """The page of up to `limit` items, from a query for one item more."""
    items = found[:limit]
    return Page(items, cursor(items[-1]) if len(found) > limit and items else None)


def cursor_of(given: Any, kind: str) -> str:
    """Where a page begins: the id of the last item of the page before, such as `task_18a2…`. Raises `InvalidInput`."""
    if not (isinstance(given, str) and re.fullmatch(f"{kind}_[0-9a-f]{{1,64}}", given)):
        raise InvalidInput(f"{quoted(given)} is not a cursor of this list.", hint="Give `next` of the page before.")
    return given


def limited(limit: Any, what: str, *, least: int = 0) -> int:
    """The wanted number of items. Raises `InvalidInput`."""
    if not isinstance(limit, int) or isinstance(limit, bool) or not least <= limit <= MOST:
        raise InvalidInput(f"{quoted(limit)} is not a number of {what}.", hint=f"Give a whole number from {least}.")
    return limit


def moment(given: Any) -> float | None:
    """A time that limits a list, in seconds since the epoch, or `None`. Raises `InvalidInput`."""
    return None if given is None else a_moment(given)


def a_moment(given: Any) -> float:
    """A time in seconds since the epoch. Raises `InvalidInput`."""
    if not isinstance(given, int | float) or given != given:
        raise InvalidInput(f"{quoted(given)} is not a time.", hint="Give seconds since the epoch.")
    return float(max(-FARTHEST, min(FARTHEST, given)))
