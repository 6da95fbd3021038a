"""Blocks that are made in another thread, one ahead of those that are used: libraries in C work side by side."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def ahead(blocks: Iterator[T]) -> Iterator[Iterator[T]]:
    """The same blocks; errors are raised where the blocks are used. At the end, no thread works any more."""
    with ThreadPoolExecutor(1) as beside:

        def taken() -> Iterator[T]:
            job = beside.submit(_next, blocks)
            while found := job.result():
                job = beside.submit(_next, blocks)
                yield found[0]

        yield taken()


def _next(blocks: Iterator[T]) -> tuple[T] | None:
    for block in blocks:
        return (block,)
    return None
