"""Items that another thread makes while the earlier ones are used."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from itertools import cycle
from queue import Full, Queue
from threading import Event, Thread
from types import TracebackType
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")
PATIENCE = 0.05
"""In seconds: how often a waiting thread looks whether its work is still wanted."""


class Worker(Generic[Item]):
    """A thread that works through an iterator; its items and its exception are taken in order."""

    def __init__(self, work: Iterator[Item], count: int, together: int = 1) -> None:
        """Up to `count` items wait to be taken; they are handed over in groups of `together`, and after each `None`."""
        self._work, self._together = work, together
        self._made: Queue[deque[Item] | BaseException] = Queue(-(-count // together))
        self._taken = deque[Item]()
        self._unwanted = Event()
        self._thread = Thread(target=self._run, daemon=True, name="avstudio-ahead")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._unwanted.set()
        self._thread.join()

    def take(self) -> Item:
        """The next item. Raises what the work raised, or `StopIteration` after the last one."""
        while not self._taken:
            found = self._made.get()
            if isinstance(found, BaseException):
                raise found
            self._taken = found
        return self._taken.popleft()

    def _run(self) -> None:
        made = deque[Item]()
        end: BaseException = StopIteration()
        try:
            for item in self._work:
                made.append(item)
                if len(made) >= self._together or item is None:
                    if not self._put(made):
                        return
                    made = deque()
        except BaseException as error:  # the thread that takes the items raises it
            end = error
        self._put(made)
        self._put(end)

    def _put(self, made: deque[Item] | BaseException) -> bool:
        """Whether it was put in line, and the next one is wanted."""
        while not self._unwanted.is_set():
            try:
                self._made.put(made, timeout=PATIENCE)
                return True
            except Full:
                continue
        return False


def ahead(items: Iterator[Item], count: int) -> Generator[Item, None, None]:
    """The same items, of which up to `count` wait; an exception of their iterator is raised after those before it.

    The thread has ended when this iterator is exhausted or closed.
    """
    with Worker(items, count) as worker:
        while True:
            try:
                item = worker.take()
            except StopIteration:
                return
            yield item


def side_by_side(works: Sequence[Iterator[Item | None]], count: int, together: int = 1) -> Generator[Item, None, None]:
    """The items of all parts, in order: the works do one part each in turn, and `None` ends a part.

    Each work has a thread; for `count` and `together` see `Worker`. It ends with the work that has no more parts.
    """
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(one, count, together)) for one in works]
        for worker in cycle(workers):
            try:
                while (item := worker.take()) is not None:
                    yield item
            except StopIteration:
                return
