"""Files on their way into the store: hashed, synced, and named by their content."""

from __future__ import annotations

import hashlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from io import BufferedRandom
from pathlib import Path

from avstudio_core.errors import StorageError

LARGE = 1 << 20
"""The size in bytes from which a file is synced and hashed at the same time; a thread is too slow for smaller ones."""


def stage(path: Path, folder: Path) -> tuple[str, int]:
    """Move a file into a job's folder under its sha256, and sync it; return the sha256 and the size in bytes."""
    try:
        with path.open("rb+") as file:
            size = os.fstat(file.fileno()).st_size
            os.fchmod(file.fileno(), 0o600)
            sha256 = _synced_beside(file) if size >= LARGE else _synced(file)
        shutil.move(path, folder / sha256)
    except OSError as error:
        raise StorageError.of(error, path) from error
    return sha256, size


def _synced(file: BufferedRandom) -> str:
    """The sha256 of a file, which is synced when this returns."""
    os.fsync(file.fileno())
    return hashlib.file_digest(file, "sha256").hexdigest()


def _synced_beside(file: BufferedRandom) -> str:
    """The same, but hashing during the sync."""
    with ThreadPoolExecutor(1) as beside:
        synced = beside.submit(os.fsync, file.fileno())
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        synced.result()
    return sha256
