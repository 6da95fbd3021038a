"""A file lock between processes."""

from __future__ import annotations

import fcntl
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from avstudio_core.errors import OTHER_FOLDER, DataFolderError

WAIT_SECONDS = 0.02


@contextmanager
def locked(path: Path, patience: float = math.inf) -> Iterator[None]:
    """Hold a file's lock, waiting for other processes; it is released when its holder dies.

    Raises `DataFolderError` when another has held it for `patience` seconds, or the file cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        hint = "Choose a data folder that you may write with the setting 'home'."
        raise DataFolderError.of(error, path, hint) from error
    try:
        _take(descriptor, path, patience)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, patience: float) -> None:
    if patience == math.inf:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                message = f"Another program has held '{path}' for {patience:g} s."
                raise DataFolderError(message, hint=f"Close it, or {OTHER_FOLDER}") from None
            time.sleep(WAIT_SECONDS)
