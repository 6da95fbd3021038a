"""Texts to embed, as many at once as a server takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from avstudio_core.chat import Usage, Vectors

Embed = Callable[[tuple[str, ...]], Awaitable[tuple[list[list[float]], Usage | None]]]


async def embedded(texts: tuple[str, ...], size: int, embed: Embed) -> Vectors:
    """The vectors of all batches; the usage is not known unless the server told it of each."""
    batches = [await embed(texts[start : start + size]) for start in range(0, len(texts), size)]
    usages = [usage for _, usage in batches if usage is not None]
    usage = sum(usages[1:], usages[0]) if usages and len(usages) == len(batches) else None
    return Vectors([vector for vectors, _ in batches for vector in vectors], usage)
