"""Files that were given, as a table."""

from __future__ import annotations

import time
from collections.abc import Sequence

from avstudio_core import MediaFile
from avstudio_server.cli.terminal.display import duration_text
from avstudio_server.cli.terminal.tables import size, table


def media_table(files: Sequence[MediaFile]) -> str:
    """A line for each file: its copy, its project, and where it came from."""
    return table(("FILE", "NAME", "TYPE", "SIZE", "PROJECT", "AGE", "FROM"), [_row(one) for one in files])


def _row(one: MediaFile) -> tuple[str, ...]:
    copy, age = one.artifact, duration_text(time.time() - one.created_at)
    return copy.id, copy.name, copy.media_type, size(copy.size), one.project, age, one.path
