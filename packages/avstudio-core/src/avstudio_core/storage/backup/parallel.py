"""The same work for many files on a few threads, without holding all of it in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

THREADS = 4
"""How many files are copied at a time: the disk syncs them together."""
BATCH = 256
"""How many files are handed to the threads at a time."""

T = TypeVar("T")
R = TypeVar("R")


def each(work: Callable[[T], R], given: Sequence[T]) -> Iterator[R]:
    """The results, in the order of what was given."""
    with ThreadPoolExecutor(THREADS) as threads:
        for start in range(0, len(given), BATCH):
            yield from threads.map(work, given[start : start + BATCH])
