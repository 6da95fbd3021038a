"""Artifacts in the database: the facts about the files of the store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, insert, select

from avstudio_core.artifact import Artifact
from avstudio_core.errors import NotFound
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.storage.sqlite.database import Database, Transaction
from avstudio_core.storage.tables import artifacts

ADD_ARTIFACT = insert(artifacts)


def find(database: Database, store: ArtifactStore, artifact_id: str) -> Artifact:
    """The artifact of that id. Raises `NotFound`."""
    with database.read() as connection:
        row = connection.execute(select(artifacts).where(artifacts.c.id == artifact_id)).mappings().first()
    if row is None:
        raise NotFound(f"No artifact has the id '{artifact_id}'.")
    return _artifact(row, store)


def row_of(artifact: Artifact, owner: str, now: float, task_id: str | None = None) -> dict[str, Any]:
    """An artifact as a row of its table."""
    return {
        "id": artifact.id,
        "sha256": artifact.sha256,
        "name": artifact.name,
        "size": artifact.size,
        "media_type": artifact.media_type,
        "facts": artifact.facts.model_dump_json(),
        "lineage": artifact.lineage.model_dump_json() if artifact.lineage else None,
        "task_id": task_id,
        "owner": owner,
        "created_at": now,
    }


def unreferenced(transaction: Transaction, hashes: Sequence[str]) -> list[str]:
    """The given contents that no artifact refers to."""
    known = select(artifacts.c.sha256).where(artifacts.c.sha256.in_(hashes))
    referred = set(transaction.execute(known).scalars())
    return [sha256 for sha256 in hashes if sha256 not in referred]


def _artifact(row: RowMapping, store: ArtifactStore) -> Artifact:
    lineage = json.loads(row["lineage"]) if row["lineage"] else None
    values = {name: row[name] for name in ("id", "sha256", "name", "size", "media_type")}
    values |= {"facts": json.loads(row["facts"]), "lineage": lineage}
    return Artifact.model_validate(values, context=store.path)
