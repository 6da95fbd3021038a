"""Tasks name their lane, so that a task whose model is busy does not delay others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

READY = sa.text("state = 'PENDING' AND waiting = 0")


def upgrade() -> None:
    op.add_column("tasks", sa.Column("lane", sa.String(), nullable=False, server_default="general"))
    for name in ("tasks_ready", "tasks_own"):
        op.drop_index(name, "tasks")
    first: sa.ColumnElement[int] = sa.literal_column("priority DESC")
    op.create_index("tasks_ready", "tasks", ["lane", first, "id"], unique=False, sqlite_where=READY)
    op.create_index("tasks_own", "tasks", ["lane", "origin", first, "id"], unique=False, sqlite_where=READY)
