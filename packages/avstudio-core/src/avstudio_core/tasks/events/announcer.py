"""Announces events to plugins, in order, on a separate thread, so that a slow plugin does not delay tasks."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable

from sqlalchemy import bindparam, func, select

from avstudio_core.errors import AVStudioError
from avstudio_core.events import Event
from avstudio_core.storage.sqlite.database import Database
from avstudio_core.storage.tables import events, tasks
from avstudio_core.tasks.events.event_log import ANY, FOREIGN_SECONDS, Bell

LOG = logging.getLogger(__name__)

NEWS = (
    select(events)
    .join(tasks, tasks.c.id == events.c.task_id)
    .where(tasks.c.origin == bindparam("studio"), events.c.seq > bindparam("seq"))
    .order_by(events.c.seq)
)


class Announcer:
    """Calls `tell` for each stored event about a task that this studio submitted."""

    def __init__(self, database: Database, bell: Bell, studio: str, tell: Callable[[Event], object]) -> None:
        self._database = database
        self._bell = bell
        self._studio = studio
        self._tell = tell
        self._closing = threading.Event()
        with database.read() as connection:
            self._seq = connection.execute(select(func.max(events.c.seq))).scalar() or 0
        self._listener = bell.listen([ANY])
        self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Announce the remaining events, and stop."""
        self._closing.set()
        self._bell.ring([])
        self._thread.join()
        self._listener.leave()

    def _run(self) -> None:
        closing = False
        while not closing:
            self._listener.wait(FOREIGN_SECONDS)
            closing = self._closing.is_set()  # read first, so that the last query finds every event
            self._announce()

    def _announce(self) -> None:
        try:
            with self._database.read() as connection:
                rows = connection.execute(NEWS, {"studio": self._studio, "seq": self._seq}).mappings().all()
        except AVStudioError as error:  # for example a locked database: the next query finds them all
            LOG.warning("Events are announced later: %s", error)
            return
        for row in rows:
            self._seq = row["seq"]
            self._tell(Event.model_validate({**row, "data": json.loads(row["data"])}))
