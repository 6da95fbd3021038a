"""The events of some tasks until all of them have ended or wait for a person."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import suppress

from avstudio_core.errors import StorageError
from avstudio_core.events import Event
from avstudio_core.tasks.events.event_filter import EventFilter
from avstudio_core.tasks.events.event_stream import EventStream
from avstudio_core.tasks.queue.owned_tasks import OwnedTasks

RESTING = ("task.completed", "task.failed", "task.blocked", "task.reviewing")
"""The types of events after which a task may have ended or wait for a person."""
GOING = ("task.started", "task.retried")
"""The types of events after which a task is under way, whatever it waited for."""
DELETED_SECONDS = 10.0
"""After so long without an event, the tasks are looked at: one that was deleted has none any more."""


class TaskEvents(Iterator[Event]):
    """Stored events with a number above `seq`, then new ones: iterate with `for` or `async for`."""

    def __init__(self, queue: OwnedTasks, task_ids: Collection[str], seq: int = 0) -> None:
        self._queue = queue
        self._left = set(task_ids)
        self._seq = seq
        self._stream = queue.stream(EventFilter(subjects=frozenset(task_ids)), seq, lossless=True)
        self._events = self._followed()
        self._closed = False

    def __next__(self) -> Event:
        return next(self._events)

    def close(self) -> None:
        """Stop listening; the iteration ends."""
        self._closed = True
        self._stream.close()

    def _followed(self) -> Iterator[Event]:
        with self._stream as stream:
            going = self._under_way(self._left)
            while going:
                if stream.wait(DELETED_SECONDS):
                    event = next(stream)
                    if event.seq > self._seq:
                        yield event
                    going = not self._may_end(event) or self._under_way(self._ended_by(event))
                else:
                    going = not self._over() and self._under_way(self._left)
            yield from self._rest()

    async def __aiter__(self) -> AsyncIterator[Event]:
        async with self._stream as stream:
            going = await asyncio.to_thread(self._under_way, self._left)
            while going:
                if (found := await self._next_of(stream)) is not None:
                    if found.seq > self._seq:
                        yield found
                    may_end = self._may_end(found)
                    going = not may_end or await asyncio.to_thread(self._under_way, self._ended_by(found))
                else:
                    going = not self._over() and await asyncio.to_thread(self._under_way, self._left)
            for event in await asyncio.to_thread(list, self._rest()):
                yield event

    @staticmethod
    async def _next_of(stream: EventStream) -> Event | None:
        """The next event; `None` if there are no more, or there was none for some time."""
        with suppress(TimeoutError, StopAsyncIteration):
            async with asyncio.timeout(DELETED_SECONDS):
                return await anext(stream)
        return None

    def _over(self) -> bool:
        """Whether this was closed. Raises `StorageError` if the events ended before the tasks."""
        if self._stream.closed and not self._closed:
            raise StorageError("The studio is closed.")
        return self._closed

    def _rest(self) -> Iterator[Event]:
        return (event for event in (() if self._closed else self._stream.stored()) if event.seq > self._seq)

    def _may_end(self, event: Event) -> bool:
        """Whether a task may have ended, or wait for a person, since this event."""
        if event.type in GOING:
            self._left.add(event.subject)
        return event.type in RESTING and event.subject in self._left

    def _ended_by(self, event: Event) -> Collection[str]:
        """The tasks that may be at rest since an event: with one that waits for a person, all that wait for it."""
        return self._left if event.type == "task.reviewing" else [event.subject]

    def _under_way(self, task_ids: Collection[str]) -> bool:
        """Look at some tasks; return whether any task is under way. Raises `NotFound`."""
        self._left -= self._queue.at_rest(task_ids)
        return bool(self._left)
