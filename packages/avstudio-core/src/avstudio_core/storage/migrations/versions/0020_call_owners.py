"""Calls of language models have an owner, also those without a task or a key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    for table in ("reservations", "api_calls"):
        op.add_column(table, sa.Column("owner", sa.String(), nullable=False, server_default="local"))
        op.execute(
            f"UPDATE {table} SET owner = coalesce("
            f"(SELECT tasks.owner FROM tasks WHERE tasks.id = {table}.task), "
            f"(SELECT api_keys.owner FROM api_keys WHERE api_keys.id = {table}.key), 'local') "
            "WHERE task IS NOT NULL OR key IS NOT NULL"
        )
