"""The gate for all outgoing connections; refusals are recorded."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import insert

from avstudio_core import egress
from avstudio_core.errors import EgressRefused
from avstudio_core.settings import Settings
from avstudio_core.storage.sqlite.database import Database
from avstudio_core.storage.tables import refused_connections

NOTE = insert(refused_connections)


class Policy:
    """The rules about what may leave, from a studio's settings and the privacy of data."""

    def __init__(self, settings: Settings, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock

    def obstacle(self, url: str, *, private: bool = False) -> str | None:
        """Why nothing may be sent to that address, or `None`."""
        return egress.obstacle(self._settings, url, private=private)

    def leave(self, url: str, *, private: bool = False) -> None:
        """Check a connection before it is opened. Raises `EgressRefused`, and records the refusal in the database."""
        if reason := self.obstacle(url, private=private):
            self.note(url, reason)
            raise EgressRefused(f"Nothing may be sent to '{egress.host_of(url) or url}': {reason}.")

    def note(self, url: str, reason: str) -> None:
        """Record a refusal."""
        row = {"host": egress.host_of(url), "reason": reason, "time": self._clock()}
        self._database.write(lambda transaction: transaction.execute(NOTE, row))
