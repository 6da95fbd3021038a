"""One reader of the log of events for all listeners of a studio."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from avstudio_core.errors import AVStudioError, StorageError
from avstudio_core.events import Event
from avstudio_core.storage.database import Database
from avstudio_core.tasks.events import event_log
from avstudio_core.tasks.events.bell import ANY, FOREIGN_SECONDS, Bell
from avstudio_core.tasks.events.event_filter import EventFilter, Row, keys_of

LOG = logging.getLogger(__name__)

PAUSE_SECONDS = 0.00003
"""The pause after a query in seconds for each listener that it gave events: waking them takes time, so more collect."""


class Listener(Protocol):
    """Gets new events; both methods are called on the hub's thread and must be fast."""

    @property
    def wanted(self) -> EventFilter: ...

    def give(self, new: Sequence[Event], /) -> None: ...

    def end(self, error: AVStudioError | None = None, /) -> None: ...


class Hub:
    """Reads new events of all studios on the folder, and gives each to the listeners whose filter accepts it."""

    def __init__(self, database: Database, bell: Bell) -> None:
        self.database = database
        self._bell = bell
        self._listeners: dict[tuple[str, str], dict[Listener, None]] = {}
        self._left: deque[Listener] = deque()
        self._seq = 0
        self._trouble = ""
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def add(self, listener: Listener) -> None:
        """Give a listener all new events that it wants, from now on. Raises `StorageError`."""
        with self._guard:
            if self._closing.is_set():
                raise StorageError("The studio is closed.")
            if self._thread is None:
                self._seq = event_log.newest(self.database)
                self._thread = threading.Thread(target=self._run, name="events", daemon=True)
                self._thread.start()
            for key in listener.wanted.keys:
                self._listeners.setdefault(key, {})[listener] = None

    def leave(self, listener: Listener) -> None:
        """Give a listener no more events. It takes effect soon; this takes no lock, so a finalizer may call it."""
        self._left.append(listener)

    def close(self) -> None:
        """Give out the events that are stored, and end all listeners."""
        with self._guard:
            self._closing.set()
            thread = self._thread
        self._bell.ring([])
        if thread is not None:
            thread.join()
        for listener in self._all():
            listener.end()

    def give_up(self, error: AVStudioError) -> None:
        """End all current listeners with an error."""
        for listener in self._all():
            listener.end(error)

    def _all(self) -> list[Listener]:
        with self._guard:
            self._dismiss()
            return list({listener: None for group in self._listeners.values() for listener in group})

    def _dismiss(self) -> None:
        """Remove the listeners that have left."""
        while self._left:
            listener = self._left.popleft()
            for key in listener.wanted.keys:
                group = self._listeners.get(key, {})
                group.pop(listener, None)
                if not group:
                    self._listeners.pop(key, None)

    def _run(self) -> None:
        with self._bell.listen([ANY]) as bell:
            closing = False
            while not closing:
                bell.wait(FOREIGN_SECONDS)
                closing = self._closing.is_set()  # read first, so that the last query finds every event
                with self._guard:
                    self._dismiss()
                    if not self._listeners:
                        self._thread = None
                        return
                self._closing.wait(PAUSE_SECONDS * self._read_all())

    def _read_all(self) -> int:
        """Read and give out all new events; return how many listeners got some."""
        given = 0
        try:
            while new := event_log.tail(self.database, self._seq):
                given = max(given, self._give(new))
        except Exception as error:  # for example a locked database: the next query reads them all
            if str(error) != self._trouble:
                LOG.warning("Events are delivered later: %s", error)
            self._trouble = str(error)
        else:
            self._trouble = ""
        return given

    def _give(self, new: Sequence[Row]) -> int:
        given: dict[Listener, list[Event]] = {}
        try:
            with self._guard:
                for row in new:
                    self._seq = row.seq
                    self._sort(row, given)
        finally:  # an event that cannot be read does not keep back those before it
            for listener, events in given.items():
                listener.give(events)
        return len(given)

    def _sort(self, row: Row, given: dict[Listener, list[Event]]) -> None:
        """Add an event for each listener that wants it."""
        concerned = [one for key in keys_of(row) for one in self._listeners.get(key, ())]
        if concerned:
            event = event_log.event(row)
            for listener in filter(lambda one: one.wanted.accepts(event), concerned):
                given.setdefault(listener, []).append(event)
