"""The streams of events that are open, so that a server that stops can end them with a word."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from avstudio_core import Event
from avstudio_server.http.admissions import Admission

KEPT = 256
"""How many written events are kept for other listeners."""
LOOK_SECONDS = 2.0
"""How often those that are watched are looked at."""


class Source(Protocol):
    """A stream of events, whose iteration ends when it is closed."""

    def __aiter__(self) -> AsyncIterator[Event]: ...

    def close(self) -> None: ...


class Watched(Protocol):
    """What does something from time to time."""

    def look(self, now: float) -> None: ...


S = TypeVar("S", bound=Source)


class Streams:
    """The open streams of a server."""

    def __init__(self) -> None:
        self.ending = False
        """Whether the server stops."""
        self._open: dict[int, Source] = {}
        self._written: OrderedDict[int, str] = OrderedDict()
        self._watched: dict[Watched, None] = {}
        self._looks = False
        """Whether a timer runs for those that are watched."""

    @contextmanager
    def following(self, stream: S) -> Iterator[S]:
        """A stream that ends with the server."""
        self._open[id(stream)] = stream
        try:
            yield stream
        finally:
            del self._open[id(stream)]
            stream.close()

    @contextmanager
    def watching(self, one: Watched) -> Iterator[None]:
        """Look at something from time to time, all with one timer."""
        self._watched[one] = None
        if not self._looks:
            self._look_later()
        try:
            yield
        finally:
            del self._watched[one]

    def _look(self) -> None:
        now = time.monotonic()
        for one in [*self._watched]:
            one.look(now)
        self._look_later()

    def _look_later(self) -> None:
        self._looks = bool(self._watched)
        if self._looks:
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def end(self) -> None:
        """End all streams."""
        self.ending = True
        for stream in [*self._open.values()]:
            stream.close()

    def written(self, event: Event) -> str:
        """An event as JSON, which is written once for all listeners."""
        if (text := self._written.get(event.seq)) is None:
            text = self._written[event.seq] = event.model_dump_json()
            if len(self._written) > KEPT:
                self._written.popitem(last=False)
        return text


@dataclass(frozen=True)
class RequestStreams:
    """The streams of one request: they end with the server, or when its key is refused."""

    shared: Streams
    admission: Admission

    @contextmanager
    def following(self, stream: S) -> Iterator[S]:
        """A stream that ends with the server, or when the key is refused."""
        with self.shared.following(stream), self.admission.ending(stream.close):
            yield stream

    @property
    def early_end(self) -> str | None:
        """The type of the message that says why a stream ends early."""
        if self.admission.refused:
            return "stream.refused"
        return "stream.closing" if self.shared.ending else None
