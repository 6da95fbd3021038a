"""Media files have an owner, and projects and media files have indexes for their lists."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("media_files", sa.Column("owner", sa.String(), nullable=False, server_default="local"))
    op.execute(
        "UPDATE media_files SET owner = "
        "(SELECT artifacts.owner FROM artifacts WHERE artifacts.id = media_files.artifact_id)"
    )
    op.create_index("media_files_artifact", "media_files", ["artifact_id"])
    op.create_index("media_files_owner", "media_files", ["owner", "artifact_id"])
    op.create_index("tasks_project", "tasks", ["project", "id"], sqlite_where=sa.text("project != 'default'"))
    op.drop_index("tasks_owner", "tasks")
    op.create_index("tasks_owner", "tasks", ["owner", "id", "project"], sqlite_where=sa.text("owner != 'local'"))
