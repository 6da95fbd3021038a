"""Threads that decode side by side, each some pictures ahead of who takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TypeVar

from avstudio_video.media.ahead import Worker

T = TypeVar("T")
AHEAD = 4
"""Results that a thread holds before it waits; each is a picture in memory."""


def side_by_side(works: Sequence[Iterator[T | None]], parts: int) -> Iterator[T]:
    """The results of so many parts, in order; the works do one each in turn, and `None` ends a part."""
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(one, AHEAD)) for one in works]
        for part in range(parts):
            while (found := workers[part % len(workers)].take()) is not None:
                yield found
