"""The nearest known name to a wrong one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str] | Mapping[str, str]) -> str:
    """`Did you mean …?`, or nothing. A mapping gives what to show for each name."""
    shown = known if isinstance(known, Mapping) else {one: one for one in known}
    names = {one.casefold(): one for one in shown}
    near = get_close_matches(name.casefold(), names, n=1, cutoff=0.5)
    return f"Did you mean '{shown[names[near[0]]]}'?" if near else ""
