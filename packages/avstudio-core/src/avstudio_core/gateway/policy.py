"""What may leave this machine: the one gate that every outgoing connection passes."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from sqlalchemy import insert

from avstudio_core.errors import EgressRefused
from avstudio_core.settings import Settings
from avstudio_core.storage.database import Database
from avstudio_core.storage.tables import refused_connections

NOTE = insert(refused_connections)


class Policy:
    """Loopback is always allowed, for it leaves nothing; the rest depends on the settings and on the data."""

    def __init__(self, settings: Settings, database: Database | None = None, clock: Callable[[], float] = time.time):
        self._settings = settings
        self._database = database
        self._clock = clock
        hosts = settings.allowed_hosts
        self._allowed = None if hosts is None else frozenset(host.strip().lower() for host in hosts.split(","))

    def obstacle(self, url: str, *, private: bool = False) -> str | None:
        """Why nothing may be sent to that address, or `None`."""
        host = (urlsplit(url).hostname or "").rstrip(".").lower()
        if is_loopback(host):
            return None
        if private:
            return "the data is private"
        for name in ("offline", "local_only"):
            if getattr(self._settings, name):
                return f"the setting '{name}' is on"
        if self._allowed is not None and host not in self._allowed:
            return "it is not among the allowed hosts (setting 'allowed_hosts')"
        return None

    def leave(self, url: str, *, private: bool = False) -> None:
        """Ask to open a connection. Raises `EgressRefused` after the refusal is noted in the database."""
        reason = self.obstacle(url, private=private)
        if reason is None:
            return
        host = urlsplit(url).hostname or url
        if self._database is not None:
            row = {"host": host, "reason": reason, "time": self._clock()}
            self._database.write(lambda transaction: transaction.execute(NOTE, row))
        raise EgressRefused(f"Nothing may be sent to '{host}': {reason}.")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name alone: names are not looked up, for that would ask the network."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
