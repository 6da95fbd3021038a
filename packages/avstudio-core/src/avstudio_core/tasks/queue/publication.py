"""Publishes a run's files and rows, in the transaction that completes its task."""

from __future__ import annotations

from sqlalchemy import delete, insert

from avstudio_core.errors import PluginError
from avstudio_core.storage.artifact_rows import ADD_ARTIFACT, row_of
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.storage.sqlite.database import Transaction
from avstudio_core.storage.tables import stem_separations, transcriptions
from avstudio_core.tasks.queue.queue_types import Finished

RECORDS = {"transcriptions": transcriptions, "stem_separations": stem_separations}
"""The tables of results in which processors may store rows."""


def publish(
    transaction: Transaction, store: ArtifactStore, task_id: str, owner: str, done: Finished, now: float
) -> None:
    """Link the staged files to their places and record them. SQLite has one writer, so no sweep runs meanwhile."""
    for artifact in done.artifacts:
        store.link(artifact.sha256, done.folder)
        transaction.later(ADD_ARTIFACT, row_of(artifact, owner, now, task_id))
    for name, values in done.records.items():
        if name not in RECORDS:
            known = ", ".join(RECORDS)
            message = f"A result cannot have a row in the table '{name}'."
            raise PluginError(message, hint=f"Tables of results: {known}.")
        transaction.execute(delete(RECORDS[name]).where(RECORDS[name].c.task_id == task_id))
        transaction.execute(insert(RECORDS[name]), {"task_id": task_id, **values})
