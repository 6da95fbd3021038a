"""Where the content of an artifact comes from, which decides how far it is trusted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("artifacts", sa.Column("trust", sa.String(), nullable=False, server_default="media"))
