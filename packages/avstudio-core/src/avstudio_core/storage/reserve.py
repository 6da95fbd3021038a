"""The reserve: room on the disk that is kept so that something can be deleted when the disk is full."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from avstudio_core.storage.private_files import private

SIZE = 2 << 20
"""In bytes; enough for the database to delete hundreds of tasks."""
LEAST_FREE = 8 * SIZE
"""A disk with less free space gets no reserve."""
LEAST_ROOM = 64 << 10
"""A disk with less free space, in bytes, is full: a database needs so much to be opened."""


def is_full(folder: Path) -> bool:
    """Whether the disk of a folder has no room for a small file."""
    with contextlib.suppress(OSError):
        return shutil.disk_usage(folder).free < LEAST_ROOM
    return False


class Reserve:
    """A file of `SIZE` bytes in a data folder."""

    def __init__(self, home: Path) -> None:
        self._path = home / "reserve"

    def keep(self) -> None:
        """Make it, if it is missing and there is enough room. Nothing else needs it, so errors do not count."""
        with contextlib.suppress(OSError):
            if self._path.exists() or shutil.disk_usage(self._path.parent).free < LEAST_FREE:
                return
            with open(self._path, "xb", opener=private) as file:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, SIZE)
                else:
                    file.write(bytes(SIZE))

    def release(self) -> bool:
        """Free its room; return whether there was any."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True
