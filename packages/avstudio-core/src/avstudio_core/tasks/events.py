"""What happened to tasks, in the order in which it was committed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue
from sqlalchemy import bindparam, insert, select

from avstudio_core.storage.database import Database, Transaction
from avstudio_core.storage.tables import events

EventType = Literal[
    "task.submitted",
    "task.started",
    "task.progress",
    "task.log",
    "task.reviewing",
    "task.completed",
    "task.failed",
    "task.blocked",
    "task.retried",
]

ADD = insert(events)
AFTER = (
    select(events)
    .where(events.c.task_id.in_(bindparam("tasks", expanding=True)), events.c.seq > bindparam("seq"))
    .order_by(events.c.seq)
)
ANY = "any"
"""Who listens for this hears the bell for every task."""


class Event(BaseModel):
    """A numbered, stored fact about a task: the envelope that interfaces send."""

    model_config = ConfigDict(frozen=True)

    seq: int
    time: float
    task_id: str
    type: EventType
    data: dict[str, JsonValue]


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
        rows = connection.execute(AFTER, {"tasks": list(task_ids), "seq": seq}).mappings().all()
    return [Event.model_validate({**row, "data": json.loads(row["data"])}) for row in rows]


class Bell:
    """Wakes whoever waits for a task, when something about it was committed."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[threading.Event]] = {}
        self._lock = threading.Lock()

    def ring(self, task_ids: Iterable[str]) -> None:
        with self._lock:
            for task_id in (*task_ids, ANY):
                for waiter in self._waiting.get(task_id, ()):
                    waiter.set()

    def listen(self, task_ids: Iterable[str]) -> Listener:
        """Hear the bell for some tasks, from now until the listener is closed."""
        listener = Listener(self, tuple(task_ids))
        with self._lock:
            for task_id in listener.task_ids:
                self._waiting.setdefault(task_id, []).append(listener.rung)
        return listener

    def leave(self, listener: Listener) -> None:
        with self._lock:
            for task_id in listener.task_ids:
                waiters = self._waiting[task_id]
                waiters.remove(listener.rung)
                if not waiters:
                    del self._waiting[task_id]


class Listener:
    """One who waits: `with bell.listen(ids) as listener: … listener.wait()`."""

    def __init__(self, bell: Bell, task_ids: tuple[str, ...]) -> None:
        self.task_ids = task_ids
        self.rung = threading.Event()
        self._bell = bell

    def wait(self, seconds: float | None = None) -> None:
        """Until the bell rings, or has rung since the last wait."""
        self.rung.wait(seconds)
        self.rung.clear()

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self._bell.leave(self)
