"""The digests of files, and what shows without reading a file that it may have changed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

from avstudio_core.errors import CorruptFile, TaskCancelled

BLOCK = 1 << 20


class Stamp(NamedTuple):
    """What changes with a file's content, as far as one can tell without reading it."""

    inode: int
    size: int
    modified: int
    changed: int


def stamp(path: Path) -> Stamp | None:
    """A file's stamp; `None` without a file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return Stamp(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def file_sha256(path: Path) -> str:
    """The sha256 of any file. Raises `OSError`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(path: Path, go_on: Callable[[], bool] = lambda: True) -> str:
    """The sha256 of a stored file. Raises `CorruptFile` if it is missing, or if it is not a regular file.

    Raises `TaskCancelled` once `go_on` returns false.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # does not wait for a writer of a FIFO
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise CorruptFile(
                    f"'{path}' should be a stored file, but it is not a file.", hint="Run the task again."
                )
            with open(descriptor, "rb", closefd=False) as file:
                return _sha256(file, go_on)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError):
        raise CorruptFile(f"The stored file '{path}' is missing.", hint="Run the task again.") from None
    except OSError as error:
        message = f"The stored file '{path}' cannot be read: {error.strerror or error}."
        raise CorruptFile(message, hint="Run the task again.") from error


def _sha256(file: BufferedReader, go_on: Callable[[], bool]) -> str:
    found = hashlib.sha256()
    while block := file.read(BLOCK):
        found.update(block)
        if not go_on():
            raise TaskCancelled("The file was not read to its end.")
    return found.hexdigest()
