"""Runs: tasks under common limits, and the run that pays for a call."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("key", sa.String()),
        sa.Column("limits", sa.Text(), nullable=False),
        sa.Column("most_steps", sa.Integer()),
        sa.Column("most_tokens", sa.BigInteger().with_variant(sa.Integer(), "sqlite")),
        sa.Column("used_steps", sa.Integer(), nullable=False),
        sa.Column("used_tokens", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("deadline", sa.Float()),
        sa.Column("cancelling", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.UniqueConstraint("owner", "key"),
    )
    op.add_column("tasks", sa.Column("run_id", sa.String()))
    op.create_index("tasks_run", "tasks", ["run_id"], sqlite_where=sa.text("run_id IS NOT NULL"))
    for table in ("reservations", "api_calls"):
        op.add_column(table, sa.Column("run", sa.String()))
    op.create_index("api_calls_run", "api_calls", ["run"], sqlite_where=sa.text("run IS NOT NULL"))
