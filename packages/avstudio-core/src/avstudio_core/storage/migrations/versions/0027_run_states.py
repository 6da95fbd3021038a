"""The tasks of a run by state: those that have not ended are found without looking at the others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.drop_index("tasks_run", "tasks")
    op.create_index("tasks_run", "tasks", ["run_id", "state"], unique=False, sqlite_where=sa.text("run_id IS NOT NULL"))
