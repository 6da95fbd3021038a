"""Files and folders that only their owner can access, whatever the umask."""

from __future__ import annotations

import os
from pathlib import Path

from avstudio_core.errors import StorageError


def private_folder(folder: Path, *, parents: bool = False) -> Path:
    """A folder that only its owner can access, created if it is missing. Raises `StorageError`."""
    try:
        folder.mkdir(mode=0o700, parents=parents, exist_ok=True)
    except OSError as error:
        raise StorageError.of(error, folder) from error
    return folder


def private(path: str, flags: int) -> int:
    """An opener for new files that only their owner can access: `open(path, "wb", opener=private)`."""
    return os.open(path, flags, 0o600)
