"""The digests of files, and what shows without reading a file that it may have changed."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from io import BufferedReader, FileIO
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


def regular_file(path: Path) -> BufferedReader:
    """An open file, to be read. Raises `OSError`, at once also for a FIFO or a device in its place."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # does not wait for a writer of a FIFO
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return BufferedReader(FileIO(descriptor))
    os.close(descriptor)
    raise OSError(errno.EINVAL, "Not a file", str(path))


def file_sha256(path: Path) -> str:
    """The sha256 of any file. Raises `OSError`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(path: Path, go_on: Callable[[], bool] = lambda: True) -> str:
    """The sha256 of a stored file. Raises `CorruptFile` if it is missing, or if it is not a regular file.

    Raises `TaskCancelled` once `go_on` returns false.
    """
    try:
        with regular_file(path) as file:
            return _sha256(file, go_on)
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
