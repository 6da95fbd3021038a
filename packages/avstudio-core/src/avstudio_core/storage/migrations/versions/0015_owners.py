"""Tasks have the API key that pays for them, and an index for the owners who are not the local user."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("tasks", sa.Column("key", sa.String()))
    op.create_index("tasks_owner", "tasks", ["owner", "id"], sqlite_where=sa.text("owner != 'local'"))
