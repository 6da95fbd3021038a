"""Suggestions for misspelt names."""

from __future__ import annotations

from collections.abc import Iterable

CUTOFF = 0.6
"""How similar two names must be, from 0 to 1, for one to be a likely misspelling of the other."""


def nearest(name: str, known: Iterable[str], cutoff: float = CUTOFF) -> str | None:
    """The known name most similar to `name`, ignoring case; `None` if no name is similar enough."""
    from difflib import get_close_matches

    by_folded = {one.casefold(): one for one in known}
    near = get_close_matches(name.casefold(), by_folded, n=1, cutoff=cutoff)
    return by_folded[near[0]] if near else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question that offers the nearest known name; empty if no name is similar enough."""
    near = nearest(name, known)
    return f"Did you mean '{near}'?" if near else ""
