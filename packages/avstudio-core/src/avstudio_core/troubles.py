"""Errors of plugins, stored in the data folder so that later processes can show them."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

KEPT_SECONDS = 7 * 86400.0
"""Errors that have not occurred again for this many seconds are dropped."""
MOST = 100
"""The most errors that are kept; the latest ones."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """An error of a plugin, and when it last occurred."""

    plugin: str
    version: str
    what: str
    """What was called, such as `'event_published'`."""
    reason: str
    time: float

    def __str__(self) -> str:
        return f"{self.what} {self.reason}"


class Troubles:
    """The errors of plugins in this process, and in earlier ones on the data folder."""

    def __init__(self, home: Path | None = None) -> None:
        self._path = home / "cache" / "troubles.json" if home else None
        self._new: dict[tuple[str, str], Trouble] = {}
        self._lock = threading.Lock()

    def add(self, plugin: str, version: str, what: str, reason: str) -> None:
        """Record an error, and store it if the data folder can be written."""
        with self._lock:
            self._new[plugin, what] = Trouble(plugin, version, what, reason, time.time())
            self._keep()

    def of(self, plugin: str, version: str, since: float = 0.0) -> list[Trouble]:
        """The errors of a plugin's current version since a time, the earliest first."""
        found = (self._kept() | self._new).values()
        return [one for one in found if (one.plugin, one.version) == (plugin, version) and one.time >= since]

    def _kept(self) -> dict[tuple[str, str], Trouble]:
        return {(one.plugin, one.what): one for one in _read(self._path)} if self._path else {}

    def _keep(self) -> None:
        """Store the errors; if the folder cannot be written, later processes do not see them."""
        if self._path is None:
            return
        latest = sorted((self._kept() | self._new).values(), key=lambda one: one.time)[-MOST:]
        partial = self._path.with_suffix(f".{os.getpid()}")
        try:
            self._path.parent.mkdir(exist_ok=True)
            partial.write_text(json.dumps([asdict(one) for one in latest]), encoding="utf-8", errors="replace")
            partial.replace(self._path)
        except OSError:
            partial.unlink(missing_ok=True)


def _read(path: Path) -> Iterator[Trouble]:
    try:
        kept = [Trouble(**one) for one in json.loads(path.read_bytes())]
    except (OSError, ValueError, TypeError):
        return
    yield from (one for one in kept if one.time > time.time() - KEPT_SECONDS)
