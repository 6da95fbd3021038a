"""Presets as a table."""

from __future__ import annotations

import time
from collections.abc import Sequence

from avstudio_core import Preset
from avstudio_server.cli.terminal.display import duration_text
from avstudio_server.cli.terminal.tables import size, table


def preset_table(presets: Sequence[Preset]) -> str:
    """A line for each preset: its name, and the file that is kept."""
    return table(("PRESET", "TYPE", "SIZE", "AGE"), [_row(one) for one in presets])


def _row(one: Preset) -> tuple[str, ...]:
    age = duration_text(time.time() - one.created_at)
    return one.name, one.artifact.media_type, size(one.artifact.size), age
