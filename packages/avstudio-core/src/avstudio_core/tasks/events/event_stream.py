"""A stream of events: stored ones from a number, then new ones, without gaps or doubles."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Self

from avstudio_core.errors import EventsLost
from avstudio_core.events import Event
from avstudio_core.tasks.events import event_log
from avstudio_core.tasks.events.caller import Caller
from avstudio_core.tasks.events.event_filter import EventFilter
from avstudio_core.tasks.events.hub import Hub
from avstudio_core.tasks.events.mailbox import Mailbox
from avstudio_core.tasks.events.wakeups import Wakeups


class EventStream:
    """The events that a filter accepts, in order: `for event in stream`, `async for`, or `call(function)`.

    It listens from its first use, or from `with` or `async with`, until it is closed, dropped, or the studio is closed.
    A listener that is too slow gets `EventsLost`, and continues with a new stream after its `seq`. One listener uses a
    stream: for two, open two.
    """

    def __init__(self, hub: Hub, wanted: EventFilter, after: int | None, *, lossless: bool = False) -> None:
        self.seq = after or 0
        """The number of the last event that was handed out."""
        self._after = after
        self._hub = hub
        self._mailbox = Mailbox(wanted)
        self._lossless = lossless
        self._opened = False
        self._closed = False
        self._replays = False
        """Whether the next events are in the log, not in the mailbox."""
        self._missed = False
        """Whether the mailbox was full, so that events after those that were read are only in the log."""
        self._caught_up = True
        self._read = 0
        """The number of the last event that was read."""
        self._page = event_log.FIRST_PAGE
        """The most events that the next query reads; each one reads twice as many as that before it."""
        self._ready: deque[Event] = deque()
        self._reading: asyncio.Future[None] | None = None

    # Synchronous

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        """Wait for the next event. Raises `EventsLost`, `StorageError`."""
        if not self.wait():
            raise StopIteration
        return self._next()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for an event, at most so many seconds; return whether there is one. Raises `EventsLost`."""
        self._fill()
        while not self._ready and not self._closed and (self._behind or self._mailbox.wait(seconds)):
            self._fill()
        return bool(self._ready)

    def stored(self) -> Iterator[Event]:
        """The events that are in the log now and were not handed out, without waiting for others."""
        if self._after is None:
            self._open()
        self._ready.clear()
        self._read, self._replays, self._missed = self.seq, True, False
        while self._replays and not self._closed:
            self._fill()
            while self._ready:
                yield self._next()

    def call(self, function: Callable[[Event], object], lost: Callable[[EventsLost], object] | None = None) -> Self:
        """Call a function with each event, in order, on a separate thread that exists only while there are events.

        If the function raises, that is logged the first time, and it is called with the next event. If it is too slow,
        `lost` is called, and the stream ends. Raises `InvalidInput` for asynchronous functions.
        """
        caller = Caller(self, self._mailbox, function, lost)
        self._open()
        caller.start()
        return self

    def close(self) -> None:
        """Stop listening; who waits for an event gets the end of the stream."""
        self._closed = True
        self._ready.clear()
        self._mailbox.end()
        if self._opened:
            self._hub.leave(self._mailbox)

    def __del__(self) -> None:
        if self._opened and not self._closed:
            self._hub.leave(self._mailbox)

    # On an event loop

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._open)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._ready:
            if self._closed:
                raise StopAsyncIteration
            if self._reading or self._behind or not self._opened:
                await self._filled()
            else:
                self._fill()
                if not (self._ready or self._closed or self._behind):
                    await self._news()
        return self._next()

    async def _filled(self) -> None:
        """Read the log on another thread; if the caller is cancelled, the next call gets what was read."""
        if self._reading is None:
            self._reading = asyncio.get_running_loop().run_in_executor(None, self._fill)
        reading = self._reading
        try:
            await asyncio.shield(reading)
        finally:
            self._reading = None if reading.done() else reading

    async def _news(self) -> None:
        """Wait until there is something in the mailbox."""
        loop = asyncio.get_running_loop()
        news: asyncio.Future[None] = loop.create_future()
        self._mailbox.wake(partial(Wakeups.of(loop).complete, news))
        await news

    # Both

    def _open(self) -> None:
        if self._opened:
            return
        self._hub.add(self._mailbox)
        try:
            newest = event_log.newest(self._hub.database)
        except BaseException:
            self._hub.leave(self._mailbox)
            raise
        self._opened = True
        self.seq = self._read = newest if self._after is None else min(self._after, newest)
        early = self._mailbox.take()  # some of these may be older than this stream
        self._replays = self._read < newest or early.lost
        if not self._replays:
            self._add([event for event in early.events if event.seq > self._read])

    @property
    def closed(self) -> bool:
        """Whether no events follow."""
        return self._closed

    @property
    def _behind(self) -> bool:
        """Whether the next events must be read from the log."""
        return self._replays or self._missed

    def _next(self) -> Event:
        event = self._ready.popleft()
        self.seq = event.seq
        return event

    def _fill(self) -> None:
        """Read more events if all that were read are handed out; do not wait for any. If still behind, call again."""
        if self._ready or self._closed:
            return
        if not self._replays:
            self._open()
        if self._missed:
            self._look_back()
        if self._replays:
            self._replay()
        if not self._ready:
            self._take()

    def _look_back(self) -> None:
        """Continue with the log. Raises `EventsLost` if the listener was up to date before."""
        if self._caught_up and not self._lossless:
            self.close()
            message = f"The listener was too slow: events after number {self.seq} were not delivered."
            raise EventsLost(message, hint=f"They are stored: listen again after number {self.seq}.", seq=self.seq)
        self._missed, self._replays = False, True

    def _replay(self) -> None:
        self._mailbox.take()  # what is in it is also in the log; what is committed from now on comes later
        most = min(self._page, event_log.PAGE)
        page = event_log.page(self._hub.database, self._mailbox.wanted, self._read, most)
        self._replays, self._page = len(page) == most, 2 * most
        self._caught_up = False
        self._add(page)

    def _take(self) -> None:
        taken = self._mailbox.take()
        self._add([event for event in taken.events if event.seq > self._read])
        self._missed = taken.lost
        self._caught_up = self._caught_up or not taken.lost
        self._closed = self._closed or (taken.over and not (taken.events or taken.lost))

    def _add(self, events: list[Event]) -> None:
        self._ready.extend(events)
        if events:
            self._read = events[-1].seq
