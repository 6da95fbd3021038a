"""Parameters may be files, and refer to files and values of earlier tasks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("tasks", sa.Column("inputs", sa.Text()))
    op.create_table(
        "task_inputs",
        sa.Column("task_id", sa.String(), sa.ForeignKey("tasks.id"), primary_key=True),
        sa.Column("artifact_id", sa.String(), sa.ForeignKey("artifacts.id"), primary_key=True),
    )
    op.create_index("ix_task_inputs_artifact_id", "task_inputs", ["artifact_id"])
