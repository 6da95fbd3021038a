"""An event is about any subject, not only about a task, and has an owner."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.drop_index("ix_events_task_id", "events")
    op.alter_column("events", "task_id", new_column_name="subject")
    op.create_index("ix_events_subject", "events", ["subject"])
    op.add_column("events", sa.Column("owner", sa.String()))
