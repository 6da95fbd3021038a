"""Items that another thread makes while the earlier ones are used."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import suppress
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")
Entry = tuple[Item | None, BaseException | None]
WAIT = 0.1
"""Seconds after which a full queue is tried again, so that an end of the reader is seen."""


def ahead(items: Iterator[Item], count: int) -> Generator[Item, None, None]:
    """The same items, of which up to `count` wait; an exception of their iterator is raised after those before it.

    The thread has ended when this iterator is exhausted or closed.
    """
    waiting: Queue[Entry[Item]] = Queue(count)
    stopped = Event()
    thread = Thread(target=_fill, args=(items, waiting, stopped), name="ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, error = waiting.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]
    finally:
        stopped.set()
        thread.join()


def _fill(items: Iterator[Item], waiting: Queue[Entry[Item]], stopped: Event) -> None:
    while not stopped.is_set():
        try:
            entry: Entry[Item] = (next(items), None)
        except BaseException as error:  # the reader raises it
            entry = (None, error)
        _put(entry, waiting, stopped)
        if entry[1] is not None:
            return


def _put(
    entry: Entry[Item],
    waiting: Queue[Entry[Item]],
    stopped: Event,
) -> None:
    while not stopped.is_set():
        with suppress(Full):
            waiting.put(entry, timeout=WAIT)
            return
