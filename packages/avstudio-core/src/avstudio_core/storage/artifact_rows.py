"""Artifacts in the database: the facts about the files of the store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, bindparam, insert, select

from avstudio_core.artifact import Artifact
from avstudio_core.errors import NotFound
from avstudio_core.reach import ALL, Reach
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.storage.database import Database, Transaction
from avstudio_core.storage.expressions import listed
from avstudio_core.storage.owned_rows import OWNED_FILE, SEEN_FILE
from avstudio_core.storage.tables import artifacts

ADD_ARTIFACT = insert(artifacts)
FIND = select(artifacts).where(artifacts.c.id == bindparam("id"), SEEN_FILE)
REFERRED = select(artifacts.c.sha256).where(artifacts.c.sha256.in_(listed("hashes")), OWNED_FILE)


def find(database: Database, store: ArtifactStore, artifact_id: str, reach: Reach) -> Artifact:
    """The artifact of that id, if it is within reach. Raises `NotFound`."""
    with database.read() as connection:
        row = connection.execute(FIND, {"id": artifact_id, **reach.values}).mappings().first()
    if row is None:
        raise NotFound(f"No artifact has the id '{artifact_id}'.")
    return artifact_of(row, store)


def row_of(artifact: Artifact, owner: str, now: float, task_id: str | None = None) -> dict[str, Any]:
    """An artifact as a row of its table."""
    return {
        "id": artifact.id,
        "sha256": artifact.sha256,
        "name": artifact.name,
        "size": artifact.size,
        "media_type": artifact.media_type,
        "facts": artifact.facts.model_dump_json(exclude_defaults=True),
        "lineage": artifact.lineage.model_dump_json(exclude_defaults=True) if artifact.lineage else None,
        "trust": artifact.trust,
        "task_id": task_id,
        "owner": owner,
        "created_at": now,
    }


def unreferenced(transaction: Transaction, hashes: Sequence[str], reach: Reach = ALL) -> list[str]:
    """The given contents to which no artifact within a reach refers."""
    referred = set(transaction.execute(REFERRED, {"hashes": json.dumps(hashes), **reach.values}).scalars())
    return [sha256 for sha256 in hashes if sha256 not in referred]


def artifact_of(row: RowMapping, store: ArtifactStore) -> Artifact:
    """The artifact of a row that has the columns of its table."""
    lineage = json.loads(row["lineage"]) if row["lineage"] else None
    values = {name: row[name] for name in ("id", "sha256", "name", "size", "media_type", "trust")}
    values |= {"facts": json.loads(row["facts"]), "lineage": lineage}
    return Artifact.model_validate(values, context=store.path)
