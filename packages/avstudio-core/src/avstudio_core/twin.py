"""Twins of methods that block, for callers on an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

S = TypeVar("S")
P = ParamSpec("P")
R = TypeVar("R")


async def settled(work: asyncio.Future[Any]) -> None:
    """Wait for the end of work on another thread, also if the caller is cancelled meanwhile; then raise that."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


def twin(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
    """The method on another thread, so that it does not block an event loop: `aget = twin(get)`."""

    @wraps(method)
    async def beside(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        found: R = await asyncio.to_thread(getattr(self, method.__name__), *args, **kwargs)
        return found

    beside.__name__ = f"a{method.__name__}"
    beside.__doc__ = f"`{method.__name__}` without blocking an event loop."
    return beside
