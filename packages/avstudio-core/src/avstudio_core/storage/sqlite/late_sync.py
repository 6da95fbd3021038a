"""Syncing to the disk behind the back of those who write: for what may be lost with the power, but not for long."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

LOG = logging.getLogger(__name__)

LATE_SECONDS = 0.1
"""What was written without a sync is on the disk about so much later."""


class LateSync:
    """Syncs one file soon after it is asked to, on a thread of its own; asking costs nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._asked = threading.Event()
        self._closing = threading.Event()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def ask(self) -> None:
        """Have what is written until now on the disk a moment later."""
        if self._asked.is_set():
            return
        self._asked.set()
        if self._thread is None:
            self._start()

    def close(self) -> None:
        """Sync what waits for it."""
        self._closing.set()
        self._asked.set()
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
            self._asked.clear()  # before the sync: who writes during it asks again
            self._sync()
            if self._closing.is_set():
                return

    def _sync(self) -> None:
        try:
            file = os.open(self._path, os.O_RDONLY)
            try:
                os.fsync(file)
            finally:
                os.close(file)
        except FileNotFoundError:  # the database moved all of it into its own file, synced
            pass
        except OSError as error:
            LOG.error("'%s' cannot be synced to the disk: %s", self._path, error)
