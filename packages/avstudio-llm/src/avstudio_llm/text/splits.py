"""Long texts, split at the ends of segments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from avstudio_core.tokens import estimate

T = TypeVar("T")


def split(items: Sequence[T], text: Callable[[T], str], tokens: int) -> list[list[T]]:
    """Groups of consecutive items, of about equal size and at most so many tokens; a longer item is a group alone."""
    sizes = [estimate(text(item)) + 1 for item in items]
    count = max(1, -(-sum(sizes) // tokens))
    limit = min(tokens, -(-sum(sizes) // count) + max(sizes, default=0))
    parts: list[list[T]] = []
    room = 0
    for item, size in zip(items, sizes, strict=True):
        if not parts or size > room:
            parts.append([])
            room = limit
        parts[-1].append(item)
        room -= size
    return parts
