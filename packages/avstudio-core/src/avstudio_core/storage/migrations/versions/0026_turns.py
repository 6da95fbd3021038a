"""The tasks that are ready, by owner: owners take turns."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"

READY = sa.text("state = 'PENDING' AND waiting = 0")


def upgrade() -> None:
    for name in ("tasks_ready", "tasks_own"):
        op.drop_index(name, "tasks")
    first: sa.ColumnElement[int] = sa.literal_column("priority DESC")
    op.create_index("tasks_ready", "tasks", ["lane", "owner", first, "id"], unique=False, sqlite_where=READY)
    op.create_index("tasks_own", "tasks", ["lane", "origin", "owner", first, "id"], unique=False, sqlite_where=READY)
