"""The project of a webhook and of a published event; the keys of runs are those of their project."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("webhooks", sa.Column("project", sa.String()))
    op.add_column("events", sa.Column("project", sa.String()))
    op.rename_table("runs", "runs_before")
    new = op.create_table(
        "runs",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("key", sa.String()),
        sa.Column("limits", sa.Text(), nullable=False),
        sa.Column("most_steps", sa.Integer()),
        sa.Column("most_tokens", LONG),
        sa.Column("used_steps", sa.Integer(), nullable=False),
        sa.Column("used_tokens", LONG, nullable=False),
        sa.Column("deadline", sa.Float()),
        sa.Column("cancelling", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("request", sa.String(64)),
        sa.Column("webhook", sa.String()),
        sa.UniqueConstraint("owner", "project", "key"),
    )
    names = [column.name for column in new.columns]
    old = sa.table("runs_before", *(sa.column(name) for name in names))
    op.execute(new.insert().from_select(names, sa.select(*(old.c[name] for name in names))))
    op.drop_table("runs_before")
