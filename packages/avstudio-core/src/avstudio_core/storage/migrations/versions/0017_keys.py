"""The keys of earlier results have 32 digits: half of the index is enough."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute("UPDATE tasks SET cache_key = substr(cache_key, 1, 32) WHERE cache_key IS NOT NULL")
