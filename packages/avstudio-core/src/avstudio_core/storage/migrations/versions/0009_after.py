"""A task can wait for the end of another, with or without a result."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("dependencies", sa.Column("ended", sa.Boolean(), nullable=False, server_default="0"))
