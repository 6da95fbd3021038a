"""What went wrong in plugins, kept in the data folder: who asks later is told."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

KEPT_SECONDS = 7 * 86400.0
"""Trouble that has not come again for so long is forgotten."""
MOST = 100
"""So many are kept, the latest."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a plugin did wrong, and when it last did."""

    plugin: str
    version: str
    what: str
    """What was called, such as `'event_published'`."""
    reason: str
    time: float

    def __str__(self) -> str:
        return f"{self.what} {self.reason}"


class Troubles:
    """The troubles of this process's plugins, and those that earlier ones left in the data folder."""

    def __init__(self, home: Path | None = None) -> None:
        self._path = home / "cache" / "troubles.json" if home else None
        self._new: dict[tuple[str, str], Trouble] = {}
        self._lock = threading.Lock()

    def add(self, plugin: str, version: str, what: str, reason: str) -> None:
        """Note trouble down, and keep it if the data folder can be written."""
        with self._lock:
            self._new[plugin, what] = Trouble(plugin, version, what, reason, time.time())
            self._keep()

    def of(self, plugin: str, version: str, since: float = 0.0) -> list[Trouble]:
        """The troubles of a plugin in its present version since a moment, the first first."""
        found = (self._kept() | self._new).values()
        return [one for one in found if (one.plugin, one.version) == (plugin, version) and one.time >= since]

    def _kept(self) -> dict[tuple[str, str], Trouble]:
        return {(one.plugin, one.what): one for one in _read(self._path)} if self._path else {}

    def _keep(self) -> None:
        """Write them down; a folder that cannot be written only costs the memory of them."""
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
