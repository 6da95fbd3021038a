"""Deaths of studios and of workers are counted separately; an index finds unfinished tasks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

UNFINISHED = sa.text("state != 'COMPLETED'")


def upgrade() -> None:
    op.add_column("tasks", sa.Column("deaths", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("apart", sa.Boolean(), nullable=False, server_default="0"))
    op.create_index("tasks_unfinished", "tasks", ["state", "id"], unique=False, sqlite_where=UNFINISHED)
