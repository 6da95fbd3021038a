"""One reader of the event log for all followers of tasks."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Collection
from typing import Any, Self

from sqlalchemy import bindparam, func, select

from avstudio_core.errors import AVStudioError, StorageError
from avstudio_core.events import Event
from avstudio_core.storage.sqlite.database import Database
from avstudio_core.storage.sqlite.prepared import rows
from avstudio_core.storage.tables import events
from avstudio_core.tasks.events.event_log import ANY, FOREIGN_SECONDS, Bell

LOG = logging.getLogger(__name__)

MOST_AT_ONCE = 1000
"""The most events that one query reads."""
MOST_WAITING = 1000
"""The most events in a follower's queue; with more, it reads them from the log itself."""
PAUSE_SECONDS = 0.0002
"""The pause between two queries in seconds for each follower: waking all takes time, so events are collected."""
COLUMNS = [events.c[name] for name in Event.model_fields]
NEWEST = select(func.coalesce(func.max(events.c.seq), 0))
TAIL = select(*COLUMNS).where(events.c.seq > bindparam("seq")).order_by(events.c.seq).limit(MOST_AT_ONCE)


class Feed:
    """Reads new events from the log once, and hands each to the followers of its task."""

    def __init__(self, database: Database, bell: Bell) -> None:
        self._database = database
        self._bell = bell
        self._followers: dict[str, set[Follower]] = {}
        self._count = 0
        self._seq = 0
        self._trouble = ""
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def follow(self, task_ids: Collection[str]) -> Follower:
        """Follow the new events of some tasks, until the follower is closed."""
        follower = Follower(self, task_ids)
        with self._guard:
            if self._closing.is_set():
                raise StorageError("The studio is closed.")
            for task_id in follower.task_ids:
                self._followers.setdefault(task_id, set()).add(follower)
            self._count += 1
            if self._thread is None:
                self._seq = self._newest()
                self._thread = threading.Thread(target=self._run, name="events", daemon=True)
                self._thread.start()
        return follower

    def leave(self, follower: Follower) -> None:
        """Remove a follower."""
        with self._guard:
            for task_id in follower.task_ids:
                self._followers[task_id].discard(follower)
                if not self._followers[task_id]:
                    del self._followers[task_id]
            self._count -= 1

    def close(self) -> None:
        """Stop reading; remaining followers fail at their next query."""
        with self._guard:
            self._closing.set()
            thread = self._thread
        self._bell.ring([])
        if thread is not None:
            thread.join()

    def _newest(self) -> int:
        with self._database.read() as connection:
            ((seq,),) = rows(connection, NEWEST, {})
        return int(seq)

    def _run(self) -> None:
        with self._bell.listen([ANY]) as listener:
            while not self._closing.is_set():
                listener.wait(FOREIGN_SECONDS)
                with self._guard:
                    if not self._count:
                        self._thread = None
                        return
                try:
                    while self._read():
                        pass
                except Exception as error:  # for example a locked database: the next query reads them all
                    if str(error) != self._trouble:
                        LOG.warning("Events come later: %s", error)
                    self._trouble = str(error)
                else:
                    self._trouble = ""
                self._closing.wait(PAUSE_SECONDS * self._count)
        self.give_up(StorageError("The studio is closed."))

    def give_up(self, error: AVStudioError) -> None:
        """Make all current followers fail with an error."""
        with self._guard:
            left = {follower for followers in self._followers.values() for follower in followers}
        for follower in left:
            follower.end(error)

    def _read(self) -> bool:
        """Read and hand out new events; return whether there may be more."""
        with self._database.read() as connection:
            found = rows(connection, TAIL, {"seq": self._seq})
        with self._guard:
            given: dict[Follower, list[Event]] = {}
            for row in found:
                self._seq = row[0]
                if followers := self._followers.get(row[2]):
                    event = event_of(row)
                    for follower in followers:
                        given.setdefault(follower, []).append(event)
        for follower, new in given.items():
            follower.give(new)
        return len(found) == MOST_AT_ONCE and not self._closing.is_set()


class Follower:
    """Follows some tasks: `with feed.follow(ids) as follower: … follower.take()`."""

    def __init__(self, feed: Feed, task_ids: Collection[str]) -> None:
        self.task_ids = frozenset(task_ids)
        self._feed = feed
        self._new: list[Event] = []
        self._behind = False
        self._error: AVStudioError | None = None
        self._changed = threading.Condition()

    def give(self, new: list[Event]) -> None:
        """Add events; if there are too many, they stay in the log."""
        with self._changed:
            self._behind = self._behind or len(self._new) + len(new) > MOST_WAITING
            self._new = [] if self._behind else self._new + new
            self._changed.notify_all()

    def end(self, error: AVStudioError) -> None:
        """End the follower with an error."""
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def take(self) -> list[Event] | None:
        """Wait for events and return them; `None` if they must be read from the log. Raises `StorageError`."""
        with self._changed:
            self._changed.wait_for(lambda: self._new or self._behind or self._error)
            if self._error:
                raise self._error
            taken, behind = self._new, self._behind
            self._new, self._behind = [], False
        return None if behind else taken

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._feed.leave(self)


def event_of(row: tuple[Any, ...]) -> Event:
    """The event in a row of the log."""
    values = dict(zip(Event.model_fields, row, strict=True))
    return Event.model_validate({**values, "data": json.loads(values["data"])})
