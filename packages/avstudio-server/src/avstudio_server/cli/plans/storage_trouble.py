"""Errors of the data folder while a command waits: an error of the database cannot be stored as an event."""

from __future__ import annotations

import logging
import threading
import time
from typing import Self

from avstudio_core.errors import StorageError
from avstudio_server.cli import debug
from avstudio_server.cli.terminal import output

LIBRARY = logging.getLogger("avstudio_core")
PATIENCE_SECONDS = 5.0
"""Errors that repeat for longer than this end the command."""
CALM_SECONDS = 15.0
"""An error after so long a pause starts a new series; a locked database is logged every ten seconds."""


class Trouble(logging.Handler):
    """While entered, collects storage errors from the library's log and its threads; only `--debug` shows the log."""

    def __init__(self) -> None:
        super().__init__()
        self._error: StorageError | None = None
        self._began = self._latest = 0.0
        self._patience = PATIENCE_SECONDS

    def emit(self, record: logging.LogRecord) -> None:
        named = record.args if isinstance(record.args, tuple) else ()
        for error in (*named, *(record.exc_info or ())):
            if isinstance(error, StorageError):
                self.tell(error)
        if debug.wanted():
            output.note(self.format(record))

    def tell(self, error: StorageError) -> None:
        """Report that something could not be written."""
        now = time.monotonic()
        if self._error is None or now > self._latest + CALM_SECONDS:
            self._began = now
        self._error, self._latest = error, now

    def hurry(self) -> None:
        """Raise the next error at once: the user wants to exit."""
        self._error, self._patience = None, 0.0

    def check(self) -> None:
        """Raise the latest error if errors have repeated for too long."""
        if self._error is not None and self._latest - self._began >= self._patience:
            raise self._error

    def __enter__(self) -> Self:
        LIBRARY.addHandler(self)
        LIBRARY.setLevel(logging.INFO)  # repeated errors are logged at this level
        LIBRARY.propagate = False
        threading.excepthook = self._left
        return self

    def __exit__(self, *_: object) -> None:
        LIBRARY.removeHandler(self)
        LIBRARY.setLevel(logging.NOTSET)
        LIBRARY.propagate = True
        threading.excepthook = threading.__excepthook__

    def _left(self, thread: threading.ExceptHookArgs) -> None:
        if isinstance(thread.exc_value, StorageError):
            self.tell(thread.exc_value)
        if debug.wanted() or not isinstance(thread.exc_value, StorageError):
            threading.__excepthook__(thread)
