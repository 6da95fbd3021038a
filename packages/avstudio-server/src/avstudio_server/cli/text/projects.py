"""Projects as a table."""

from __future__ import annotations

from collections.abc import Sequence

from avstudio_core import Project
from avstudio_server.cli.terminal.tables import table


def project_table(projects: Sequence[Project]) -> str:
    """A line for each project: how many tasks it has, and how many files were given."""
    return table(("PROJECT", "TASKS", "FILES"), projects)
