"""The new events for one listener, of which only so many may wait."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from avstudio_core.errors import AVStudioError
from avstudio_core.events import Event
from avstudio_core.tasks.events.event_filter import EventFilter

MOST_WAITING = 1000
"""The most events that wait for a listener; later ones stay in the log."""


class Taken(NamedTuple):
    """What was in a mailbox: events, and whether later ones are missing, or none will follow."""

    events: list[Event]
    lost: bool
    over: bool


class Mailbox:
    """The hub puts events in, the listener takes them out; neither waits for the other."""

    def __init__(self, wanted: EventFilter) -> None:
        self.wanted = wanted
        self._events: list[Event] = []
        self._lost = False
        self._over = False
        self._error: AVStudioError | None = None
        self._wake: Callable[[], object] | None = None
        self._changed = threading.Condition()

    def give(self, new: Sequence[Event]) -> None:
        """Add events, in order, as long as there is room."""
        with self._changed:
            if not self._lost:
                room = max(0, MOST_WAITING - len(self._events))
                self._events += new[:room]
                self._lost = len(new) > room
            self._notify()

    def end(self, error: AVStudioError | None = None) -> None:
        """Say that no events will follow, because of an error or not."""
        with self._changed:
            self._over, self._error = True, self._error or error
            self._notify()

    def take(self) -> Taken:
        """Take everything out, without waiting. Raises the error of `end` when no events are left."""
        with self._changed:
            taken = Taken(self._events, self._lost, self._over)
            self._events, self._lost = [], False
            if self._error and not (taken.events or taken.lost):
                raise self._error
            return taken

    def wait(self, seconds: float | None) -> bool:
        """Wait until there is something to take; return whether there is."""
        with self._changed:
            return self._changed.wait_for(self._has_news, seconds)

    def wake(self, wake: Callable[[], object]) -> None:
        """Call a fast function once, when there is something to take; at once if there is."""
        with self._changed:
            self._wake = wake
            if self._has_news():
                self._notify()

    @property
    def ended(self) -> bool:
        return self._over

    def _has_news(self) -> bool:
        return bool(self._events or self._lost or self._over)

    def _notify(self) -> None:
        self._changed.notify_all()
        wake, self._wake = self._wake, None
        if wake is not None:
            with contextlib.suppress(RuntimeError):  # its event loop is closed
                wake()
