"""Files and folders that are their owner's alone, whatever the process's umask."""

from __future__ import annotations

import os
from pathlib import Path

from avstudio_core.errors import StorageError


def private_folder(folder: Path, *, parents: bool = False) -> Path:
    """A folder for its owner alone, made if it is not there. Raises `StorageError`."""
    try:
        folder.mkdir(mode=0o700, parents=parents, exist_ok=True)
    except OSError as error:
        raise StorageError.of(error, folder) from error
    return folder


def private(path: str, flags: int) -> int:
    """Opens a file that is made, if it is, for its owner alone: `open(path, "wb", opener=private)`."""
    return os.open(path, flags, 0o600)
