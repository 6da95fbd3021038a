"""A task's source is among its inputs, too."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

TASKS = sa.table("tasks", sa.column("id"), sa.column("source"))
ARTIFACTS = sa.table("artifacts", sa.column("id"))
INPUTS = sa.table("task_inputs", sa.column("task_id"), sa.column("artifact_id"))


def upgrade() -> None:
    connection = op.get_bind()
    known = set(connection.execute(sa.select(ARTIFACTS.c.id)).scalars())
    there = {tuple(row) for row in connection.execute(sa.select(INPUTS.c.task_id, INPUTS.c.artifact_id))}
    given = connection.execute(sa.select(TASKS.c.id, TASKS.c.source).where(TASKS.c.source.is_not(None))).all()
    found = {(task_id, json.loads(source).get("artifact")) for task_id, source in given}
    new = sorted(pair for pair in found - there if pair[1] in known)
    if new:
        connection.execute(INPUTS.insert(), [{"task_id": task_id, "artifact_id": one} for task_id, one in new])
