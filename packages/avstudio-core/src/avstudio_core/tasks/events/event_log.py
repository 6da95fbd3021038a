"""What happened to tasks, in the order in which it was committed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from typing import Any

from sqlalchemy import bindparam, insert, select

from avstudio_core.events import Event, EventType
from avstudio_core.storage.sqlite.database import Database, Transaction
from avstudio_core.storage.sqlite.dialect import listed
from avstudio_core.storage.tables import events

ADD = insert(events)
AFTER = (
    select(events).where(events.c.task_id.in_(listed("tasks")), events.c.seq > bindparam("seq")).order_by(events.c.seq)
)
FOREIGN_SECONDS = 0.2
"""How often to look for events of tasks that another studio may be running; this studio's own ring the bell at once."""
ANY = "any"
"""Who listens for this hears the bell for every task."""


def add(transaction: Transaction, task_id: str, kind: EventType, now: float, **data: Any) -> None:
    """Store an event with the transaction; its number is given at the commit."""
    told = json.dumps({"task_id": task_id, **data})
    transaction.later(ADD, {"task_id": task_id, "time": now, "type": kind, "data": told})


def add_completed(transaction: Transaction, task_id: str, now: float, result: str, duration: float) -> None:
    """Store that a task completed; its result is JSON already, and may be long."""
    told = f'{{"task_id": "{task_id}", "result": {result}, "duration": {duration!r}}}'
    transaction.later(ADD, {"task_id": task_id, "time": now, "type": "task.completed", "data": told})


def after(database: Database, task_ids: Iterable[str], seq: int) -> list[Event]:
    """The stored events of some tasks with a number above `seq`."""
    with database.read() as connection:
        rows = connection.execute(AFTER, {"tasks": json.dumps([*task_ids]), "seq": seq}).mappings().all()
    return [Event.model_validate({**row, "data": json.loads(row["data"])}) for row in rows]


class Bell:
    """Wakes whoever waits for a task, when something about it was committed."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}
        self._lock = threading.Lock()

    def ring(self, task_ids: Iterable[str]) -> None:
        with self._lock:
            for task_id in (*task_ids, ANY):
                for listener in self._listeners.get(task_id, ()):
                    listener.hear(task_id)

    def listen(self, task_ids: Iterable[str]) -> Listener:
        """Hear the bell for some tasks, from now until the listener leaves."""
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
    """One who waits: `with bell.listen(ids) as listener: … listener.wait()`."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self._listens_for: set[str] = set()
        self._heard: set[str] = set()
        self._rung = threading.Event()
        self._lock = threading.Lock()

    def add(self, task_id: str) -> None:
        """Listen for one more task."""
        self._listens_for.add(task_id)
        self._bell.enter(self, task_id)

    def remove(self, task_id: str) -> None:
        """Listen for a task no more."""
        self._listens_for.discard(task_id)
        self._bell.leave(self, task_id)

    def hear(self, task_id: str) -> None:
        with self._lock:
            self._heard.add(task_id)
        self._rung.set()

    def wait(self, seconds: float | None = None) -> set[str]:
        """The tasks that the bell rang for since the last wait, as soon as there is one."""
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
