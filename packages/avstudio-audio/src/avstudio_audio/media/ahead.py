"""Blocks that are made in another thread, one ahead of those that are used: libraries in C work side by side."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def ahead(blocks: Generator[T, None, None]) -> Iterator[Iterator[T]]:
    """The same blocks; errors are raised where the blocks are used.

    At the end, also after an error, the other thread has stopped, and then `blocks` is closed.
    """
    with closing(blocks), ThreadPoolExecutor(1) as beside:

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
