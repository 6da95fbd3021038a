"""Named points at which a process kills itself, around the product's functions in the tested process only."""

from __future__ import annotations

import multiprocessing.connection
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from avstudio_core import context
from avstudio_core.storage.folder.store import FolderStore
from avstudio_core.storage.sqlite.database import Database, Transaction

STUDIO_POINTS = (
    "flush.before",  # an operation's statements ran, what they put off did not
    "commit.before",
    "commit.after",  # on the disk, and nobody was told
    "link.before",
    "link.after",
    "fsync.before",
    "fsync.after",
    "discard.before",
    "discard.after",
)
WORKER_POINTS = ("stage.before", "stage.after", "fsync.before", "fsync.after", "send.before", "send.after")


class Crash:
    """Death at the n-th passage of one point, noted in a file first. Of several workers one dies so, once."""

    def __init__(self, specification: str) -> None:
        point, number, log = specification.split(":", 2)
        self.point, self.left, self.log = point, int(number), Path(log)
        self.mark = self.log.with_name(f"{self.log.name} {os.environ['TORTURE_STUDIO']}")

    def passed(self, point: str) -> None:
        if point != self.point:
            return
        self.left -= 1
        if self.left == 0 and not self.mark.exists():
            self.mark.touch()
            note(self.log, f"{os.getpid()} {time.time()} {point}")
            os.kill(os.getpid(), signal.SIGKILL)


def note(path: Path, line: str) -> None:
    """Append a line, whole or not at all, whoever else appends."""
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def install(specification: str) -> None:
    """Prepare this process to die as `point:number:log` says."""
    crash = Crash(specification)
    _around(crash, Transaction, "flush", "flush.before", "commit.before")
    _around(crash, Database, "_transact", "", "commit.after")
    _around(crash, FolderStore, "link", "link.before", "link.after")
    _around(crash, FolderStore, "discard", "discard.before", "discard.after")
    _around(crash, context, "stage", "stage.before", "stage.after")
    _around(crash, os, "fsync", "fsync.before", "fsync.after")
    _around(crash, multiprocessing.connection.Connection, "send_bytes", "send.before", "send.after")


def _around(crash: Crash, owner: Any, name: str, before: str, after: str) -> None:
    original: Callable[..., Any] = getattr(owner, name)

    def wrapped(*given: Any, **named: Any) -> Any:
        crash.passed(before)
        result = original(*given, **named)
        crash.passed(after)
        return result

    setattr(owner, name, wrapped)
