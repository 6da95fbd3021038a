"""Removes the files of dead jobs, and verifies all stored files; `tasks/queue/retention.py` removes old work."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from avstudio_core.errors import CorruptFile
from avstudio_core.storage.artifact_rows import unreferenced
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.storage.database import Database, Transaction
from avstudio_core.storage.tables import artifacts, jobs, studios


@dataclass(frozen=True, slots=True)
class Flaw:
    """An error in the data folder, and how to fix it."""

    what: str
    cure: str


def sweep(database: Database, store: ArtifactStore, running: Collection[str], dead: Collection[str]) -> None:
    """Remove the staging folders of ended jobs, and files that they had linked when their studio died."""

    def operation(transaction: Transaction) -> None:
        alive = set(transaction.execute(select(studios.c.id)).scalars()).difference(dead)
        for folder in store.leftovers():
            if folder.name not in running and not _in_use(transaction, folder.name, alive):
                _clear(transaction, store, folder)

    database.write(operation)


def abandon(database: Database, store: ArtifactStore, folder: Path) -> Future[None]:
    """Remove the staging folder of a failed publication, and the files that it had already linked."""
    return database.write_soon(lambda transaction: _clear(transaction, store, folder))


def _clear(transaction: Transaction, store: ArtifactStore, folder: Path) -> None:
    """Runs as a write, so no other publication runs, and a file without an artifact is unused."""
    staged = [path.name for path in folder.glob("*") if len(path.name) == 64]
    store.remove(unreferenced(transaction, staged))
    store.discard(folder)


def _in_use(transaction: Transaction, name: str, alive: set[str]) -> bool:
    """Whether a staging folder belongs to an open job, or to a live studio that is copying a file."""
    if name.startswith("job_"):
        job = transaction.execute(select(jobs.c.ended_at).where(jobs.c.id == name)).first()
        return job is not None and job.ended_at is None
    return any(name.startswith(studio) for studio in alive)


def check(database: Database, store: ArtifactStore) -> Iterator[Flaw]:
    """Check everything: the integrity of the database, the sha256 of every stored file, and unused files."""
    for damage in database.damages():
        yield Flaw(f"The database: {damage}", "Restore it from a backup, or move it away to start with an empty one.")
    with database.read() as connection:
        known = set(connection.execute(select(artifacts.c.sha256)).scalars())
    for sha256 in sorted(known):
        try:
            store.verify(sha256)
        except CorruptFile as error:
            yield Flaw(error.message, "Delete the file; the next run makes it again.")
    for sha256 in store.stored():
        if sha256 not in known:
            yield Flaw(f"The stored file '{store.path(sha256)}' does not belong to any artifact.", "It can be deleted.")
