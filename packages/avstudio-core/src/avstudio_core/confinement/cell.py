"""The folder of one worker process; nothing outside it is the worker's to write."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

FOLDER = "workers"
"""Where the folders are in the data folder."""
HELD: set[int] = set()
"""The descriptors of the locks that show that the studio of a worker is alive."""


def _let_go() -> None:
    """Close the locks in a fork, which would hold them after its parent's death."""
    while HELD:
        os.close(HELD.pop())


os.register_at_fork(after_in_child=_let_go)


class Cell:
    """A worker's own folder, locked while its studio is alive. Raises `OSError`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        places = home / FOLDER
        places.mkdir(mode=0o700, exist_ok=True)
        (home / "weights").mkdir(mode=0o700, exist_ok=True)  # a right to a folder needs the folder
        while True:  # another studio's sweep may be faster than the lock
            self.folder = places / f"worker-{time.time_ns():x}-{os.getpid()}"
            self.folder.mkdir(mode=0o700)
            self._lock = _locked(self.folder)
            if self._lock is not None:
                break
        HELD.add(self._lock)
        for name in ("work", "home", "tmp", "jobs"):
            (self.folder / name).mkdir(mode=0o700)

    def job(self, job_id: str) -> Path:
        """Where a job writes its files, until they are handed over."""
        return self.folder / "jobs" / job_id

    def hand_over(self, job_id: str, target: Path) -> None:
        """Move the files of a finished job; links in them would lead to files of others, and are removed."""
        made = self.job(job_id)
        if os.path.lexists(made):
            for entry in [made, *made.iterdir()]:
                if entry.is_symlink():
                    entry.unlink()
            made.rename(target)

    def discard(self, job_id: str) -> None:
        """Remove the files of a job that failed."""
        made = self.job(job_id)
        if os.path.lexists(made):
            _removed(made)

    def remove(self) -> None:
        """Remove the folder, after its worker has ended."""
        if self._lock is not None:
            _removed(self.folder)
            HELD.discard(self._lock)
            os.close(self._lock)
            self._lock = None


def sweep(home: Path) -> None:
    """Remove the folders of workers whose studio has died."""
    with contextlib.suppress(OSError), os.scandir(home / FOLDER) as entries:
        for entry in entries:
            if (lock := _locked(Path(entry.path))) is not None:
                _removed(entry.path)
                os.close(lock)


def _locked(folder: Path) -> int | None:
    """The lock of a folder, or `None` if another process has it or has removed the folder."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.exists(folder):
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


def _removed(folder: str | Path) -> None:
    import shutil  # slow to import

    shutil.rmtree(folder, ignore_errors=True)
