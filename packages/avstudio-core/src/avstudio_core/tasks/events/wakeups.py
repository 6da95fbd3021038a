"""Futures of an event loop that other threads complete: many with one call of the loop, because a call is slow."""

from __future__ import annotations

import asyncio
import threading
from typing import ClassVar
from weakref import WeakKeyDictionary


class Wakeups:
    """Completes futures of one event loop, from any thread."""

    _known: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, Wakeups]] = WeakKeyDictionary()

    def __init__(self) -> None:
        self._due: list[asyncio.Future[None]] = []
        self._lock = threading.Lock()

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> Wakeups:
        """Those of a loop; called on its thread."""
        if (known := cls._known.get(loop)) is None:
            known = cls._known[loop] = cls()
        return known

    def complete(self, future: asyncio.Future[None]) -> None:
        """Complete a future soon. Raises `RuntimeError` if its loop is closed."""
        with self._lock:
            self._due.append(future)
            first = len(self._due) == 1
        if first:
            future.get_loop().call_soon_threadsafe(self._complete_all)

    def _complete_all(self) -> None:
        with self._lock:
            due, self._due = self._due, []
        for future in due:
            if not future.done():  # the listener was not cancelled
                future.set_result(None)
