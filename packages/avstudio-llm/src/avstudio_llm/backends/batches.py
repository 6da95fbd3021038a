"""Texts to embed, in batches of the size that a server accepts."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from avstudio_core.chat import Usage, Vectors
from avstudio_llm.failures import reported, unreadable

if TYPE_CHECKING:
    from avstudio_core import Backend

Embed = Callable[[tuple[str, ...]], Awaitable[tuple[list[list[float]], Usage | None]]]


async def embedded(backend: Backend, texts: tuple[str, ...], embed: Embed, *, most: int = 2048) -> Vectors:
    """The vectors of all batches, with at most `most` texts each, or as many as the backend's section says.

    The usage is unknown unless the server reported it for each batch.
    """
    size = backend.config.embed_batch or most
    vectors: list[list[float]] = []
    usages: list[Usage | None] = []
    for start in range(0, len(texts), size):
        with reported(total(usages)):
            made, usage = await embed(texts[start : start + size])
        vectors += made
        usages.append(usage)
    return Vectors(vectors, total(usages))


def in_order(backend: Backend, made: Any, count: int) -> list[Any]:
    """The vectors of an answer in the order of their texts; some servers number none, or all with 0."""
    made = [one for one in made if isinstance(one, dict)] if isinstance(made, list) else []
    if len(made) != count:
        raise unreadable(backend, f"it holds {len(made)} vectors for {count} texts")
    numbers = [one.get("index") for one in made]
    if any(numbers):
        if len({number for number in map(str, numbers) if re.fullmatch(r"\d{1,9}", number)}) < count:
            raise unreadable(backend, f"it numbers its vectors as {str(numbers)[:80]}")
        made = sorted(made, key=lambda one: int(one["index"]))
    return [one.get("embedding") for one in made]


def total(usages: Sequence[Usage | None]) -> Usage | None:
    """The sum, or `None` if one of them is unknown."""
    known = [usage for usage in usages if usage is not None]
    return sum(known[1:], known[0]) if known and len(known) == len(usages) else None
