"""A task can run without the cache, and its result replaces that of earlier identical runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

CACHED = sa.text("state = 'COMPLETED' AND cache_key IS NOT NULL")


def upgrade() -> None:
    op.add_column("tasks", sa.Column("cache", sa.Boolean(), nullable=False, server_default="1"))
    op.drop_index("tasks_cached", "tasks")
    op.create_index("tasks_cached", "tasks", ["cache_key", "finished_at"], unique=False, sqlite_where=CACHED)
