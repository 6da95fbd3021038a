"""Wakes the threads of this studio that wait for changes of tasks, or for events."""

from __future__ import annotations

import threading
from collections.abc import Iterable

FOREIGN_SECONDS = 0.2
"""Seconds between two polls for events of other studios. Those of this studio wake the waiters at once."""
ANY = "any"
"""Stands for all tasks."""


class Bell:
    """Wakes the threads that wait for a task, after each commit with an event of it."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}
        self._lock = threading.Lock()

    def ring(self, task_ids: Iterable[str]) -> None:
        with self._lock:
            for task_id in (*task_ids, ANY):
                for listener in self._listeners.get(task_id, ()):
                    listener.hear(task_id)

    def listen(self, task_ids: Iterable[str]) -> Listener:
        """Listen for some tasks, until the listener is closed."""
        listener = Listener(self)
        for task_id in task_ids:
            listener.add(task_id)
        return listener

    def enter(self, listener: Listener, task_id: str) -> None:
        with self._lock:
            self._listeners.setdefault(task_id, set()).add(listener)

    def leave(self, listener: Listener, task_id: str) -> None:
        with self._lock:
            listeners = self._listeners.get(task_id, set())
            listeners.discard(listener)
            if not listeners:
                self._listeners.pop(task_id, None)


class Listener:
    """Waits for the bell: `with bell.listen(ids) as listener: … listener.wait()`."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self._listens_for: set[str] = set()
        self._heard: set[str] = set()
        self._rung = threading.Event()
        self._lock = threading.Lock()

    def add(self, task_id: str) -> None:
        """Also listen for this task."""
        self._listens_for.add(task_id)
        self._bell.enter(self, task_id)

    def remove(self, task_id: str) -> None:
        """Stop listening for a task."""
        self._listens_for.discard(task_id)
        self._bell.leave(self, task_id)

    def hear(self, task_id: str) -> None:
        with self._lock:
            self._heard.add(task_id)
        self._rung.set()

    def wait(self, seconds: float | None = None) -> set[str]:
        """Wait for the bell, and return the tasks for which it rang since the last wait."""
        self._rung.wait(seconds)
        self._rung.clear()
        with self._lock:
            heard, self._heard = self._heard, set()
        return heard

    def leave(self) -> None:
        for task_id in list(self._listens_for):
            self.remove(task_id)

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
