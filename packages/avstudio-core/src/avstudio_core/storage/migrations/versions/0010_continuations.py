"""The tasks that are submitted when a person accepts a result that holds a plan."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("tasks", sa.Column("continuation", sa.Text()))
