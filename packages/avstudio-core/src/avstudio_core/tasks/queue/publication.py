"""Publishes a run's files, and its rows in the transaction that completes its task."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, insert, select

from avstudio_core.storage.artifact_rows import ADD_ARTIFACT, row_of
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.storage.database import Transaction
from avstudio_core.storage.search import ADD_TEXT, Home, text_row
from avstudio_core.storage.tables import texts
from avstudio_core.tasks.queue.queue_types import Claim, Finished

_copied: dict[str, ColumnElement[Any]] = {
    "artifact_id": bindparam("new"),
    "source_id": bindparam("source"),
    "created_at": bindparam("now"),
}
_columns = [column.name for column in texts.columns if column.name != "id"]
COPY = insert(texts).from_select(
    _columns,
    select(*(_copied.get(name, texts.c[name]) for name in _columns)).where(texts.c.artifact_id == bindparam("before")),
)
"""The texts of an artifact for another one with the same content."""


def upload(store: ArtifactStore, done: Finished) -> None:
    """Link the staged files to their places before the transaction, for which other writes wait."""
    for artifact in done.artifacts:
        store.link(artifact.sha256, done.folder)


def publish(transaction: Transaction, store: ArtifactStore, claim: Claim, done: Finished, now: float) -> None:
    """Record the files that were uploaded. There is one writer, so no other one removes their content meanwhile."""
    task = claim.task
    for artifact in done.artifacts:
        store.link_again(artifact.sha256, done.folder)
        transaction.later(ADD_ARTIFACT, row_of(artifact, task.owner, now, claim.task_id))
    if done.texts and claim.attempt > 1:  # those of a result that a person has sent back
        transaction.execute(delete(texts).where(texts.c.task_id == claim.task_id))
    home = Home(task.owner, task.project, task.processor, claim.task_id, done.source)
    for text in done.texts:
        transaction.later(ADD_TEXT, text_row(text, home, now))
    for before, new in done.renamed.items():
        transaction.execute(COPY, {"before": before, "new": new, "source": done.source, "now": now})
