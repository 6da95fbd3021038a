"""A file lock between processes."""

from __future__ import annotations

import fcntl
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from avstudio_core.errors import DataFolderError

OTHER_FOLDER = "choose another data folder with the setting 'home'."
"""The end of a hint for a data folder that cannot be used."""

WAIT_SECONDS = 0.02


@contextmanager
def locked(path: Path, patience: float = math.inf, refusal: DataFolderError | None = None) -> Iterator[None]:
    """Hold a file's lock, waiting for other processes; it is released when its holder dies.

    Raises `refusal`, or a general `DataFolderError`, when another has held it for `patience` seconds, and
    `DataFolderError` if the file cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        hint = "Choose a data folder that you may write with the setting 'home'."
        raise DataFolderError.of(error, path, hint) from error
    try:
        _take(descriptor, path, patience, refusal)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, patience: float, refusal: DataFolderError | None) -> None:
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
                raise refusal or DataFolderError(message, hint=f"Close it, or {OTHER_FOLDER}") from None
            time.sleep(WAIT_SECONDS)


def is_held(path: Path) -> bool:
    """Whether a process holds a file's lock; not without the file."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
