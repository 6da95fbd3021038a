"""Delayed syncs in the background, for writes that a loss of power may undo for a moment."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

LOG = logging.getLogger(__name__)

LATE_SECONDS = 0.1
"""The delay of a sync in seconds."""


class LateSync:
    """Syncs one file on a thread, soon after a request; the request itself is cheap."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._asked = threading.Event()
        self._closing = threading.Event()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def ask(self) -> None:
        """Request a sync of all that is written so far."""
        if self._asked.is_set():
            return
        self._asked.set()
        if self._thread is None:
            self._start()

    def close(self) -> None:
        """Sync now if a sync is requested, and end the thread."""
        self._asked.set()
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def _start(self) -> None:
        with self._guard:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="late sync", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while self._asked.wait():
            self._closing.wait(LATE_SECONDS)
            self._asked.clear()  # before the sync: a write during it requests another one
            self._sync()
            if self._closing.is_set() and not self._asked.is_set():  # a request during the sync is met, too
                return

    def _sync(self) -> None:
        try:
            file = os.open(self._path, os.O_RDONLY)
            try:
                os.fsync(file)
            finally:
                os.close(file)
        except FileNotFoundError:  # the database has already moved it into its main file, synced
            pass
        except OSError as error:
            LOG.error("'%s' cannot be synced to the disk: %s", self._path, error)
