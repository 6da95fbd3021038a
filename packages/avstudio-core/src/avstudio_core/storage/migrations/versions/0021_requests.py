"""What was asked under the key of a run, and the webhook that is notified of its events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("runs", sa.Column("request", sa.String(64)))
    op.add_column("runs", sa.Column("webhook", sa.String()))
