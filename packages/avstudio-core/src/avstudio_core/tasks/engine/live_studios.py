"""Which studios on a data folder are alive: each holds a file lock, which is released when it dies."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from pathlib import Path
from socket import gethostname

from sqlalchemy import bindparam, delete, insert, select

from avstudio_core.artifact import new_id
from avstudio_core.errors import AVStudioError, StorageError
from avstudio_core.storage.database import Database, Transaction
from avstudio_core.storage.file_lock import is_held, locked
from avstudio_core.storage.private_files import private_folder
from avstudio_core.storage.queries import rows
from avstudio_core.storage.tables import loaded_models, studios

LOG = logging.getLogger(__name__)

LOCK_SECONDS = 30.0
OTHERS = select(studios.c.id).where(studios.c.id != bindparam("own"))
HERE = select(studios.c.id, studios.c.pid, studios.c.started_at).where(studios.c.host == bindparam("host"))
_HELD: set[int] = set()
"""The descriptors of the locks that show that studios of this process are alive."""


def _let_go() -> None:
    """Close the locks in a fork, which would hold them after its parent's death."""
    while _HELD:
        os.close(_HELD.pop())


os.register_at_fork(after_in_child=_let_go)


class Presence:
    """This studio's entry in the list of live studios."""

    def __init__(self, database: Database, home: Path) -> None:
        self.id = new_id("studio")
        self._database = database
        self._folder = home / "studios"
        private_folder(self._folder)
        self._lock = home / "studios.lock"
        with locked(self._lock, LOCK_SECONDS):  # no other studio sees the file before it is locked
            try:
                self._descriptor = os.open(self._folder / self.id, os.O_CREAT | os.O_RDWR, 0o600)
            except OSError as error:
                raise StorageError.of(error, self._folder / self.id) from error
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        _HELD.add(self._descriptor)
        values = {"id": self.id, "pid": os.getpid(), "host": gethostname(), "started_at": time.time()}
        database.write(lambda transaction: transaction.execute(insert(studios), values))

    @property
    def held(self) -> bool:
        """Whether this process is the one that holds the lock, and not a fork of it."""
        return self._descriptor in _HELD

    def dead(self) -> list[str]:
        """The studios whose process has ended, by their locks."""
        with self._database.read() as connection:
            others = [studio for (studio,) in rows(connection, OTHERS, {"own": self.id})]
        return [studio for studio in others if not self.alive(studio)]

    def live(self) -> list[tuple[int, float]]:
        """The process of each live studio on this machine, this one among them, and when it was started."""
        with self._database.read() as connection:
            known = rows(connection, HERE, {"host": gethostname()})
        return [(pid, started) for studio, pid, started in known if studio == self.id or self.alive(studio)]

    def bury(self, dead: list[str]) -> None:
        """Remove the entries of studios whose jobs were taken over, and of their models in memory."""

        def operation(transaction: Transaction) -> None:
            transaction.execute(delete(loaded_models).where(loaded_models.c.studio.in_(dead)))
            transaction.execute(delete(studios).where(studios.c.id.in_(dead)))

        self._database.write(operation)
        with locked(self._lock):
            try:
                for path in self._folder.iterdir():
                    if not self.alive(path.name):
                        path.unlink(missing_ok=True)
            except OSError as error:
                raise StorageError.of(error, self._folder) from error

    def leave(self) -> None:
        """Remove this studio's entry; if that cannot be written, another studio does it later."""
        _HELD.discard(self._descriptor)
        os.close(self._descriptor)
        try:
            self.bury([self.id])
        except AVStudioError as error:
            LOG.warning("The entry of this studio stays for now: %s", error)

    def alive(self, studio: str) -> bool:
        """Whether another studio's process is alive."""
        return is_held(self._folder / studio)
