"""Threads that decode side by side, each some pictures ahead of who takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from queue import Full, Queue
from threading import Event, Thread
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")
AHEAD = 4
"""Results that a thread holds before it waits; each is a picture in memory."""
PATIENCE = 0.05
"""In seconds: how often a waiting thread looks whether its work is still wanted."""


class Worker(Generic[T]):
    """A thread that works through an iterator; its results and its exception are taken in order."""

    def __init__(self, work: Iterator[T]) -> None:
        self._work = work
        self._results: Queue[T | BaseException] = Queue(AHEAD)
        self._unwanted = Event()
        self._thread = Thread(target=self._run, daemon=True, name="avstudio-frames")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._unwanted.set()
        self._thread.join()

    def take(self) -> T:
        """The next result. Raises what the work raised, or `StopIteration` after the last one."""
        found = self._results.get()
        if isinstance(found, BaseException):
            raise found
        return found

    def _run(self) -> None:
        try:
            while self._put(next(self._work)):
                pass
        except BaseException as error:  # the thread that takes the results raises it
            self._put(error)

    def _put(self, result: T | BaseException) -> bool:
        """Whether the result was put in line, and the next one is wanted."""
        while not self._unwanted.is_set():
            try:
                self._results.put(result, timeout=PATIENCE)
                return True
            except Full:
                continue
        return False


def side_by_side(works: Sequence[Iterator[T | None]], parts: int) -> Iterator[T]:
    """The results of so many parts, in order, of which the works do one each in turn; `None` ends a part."""
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(one)) for one in works]
        for part in range(parts):
            while (found := workers[part % len(workers)].take()) is not None:
                yield found
