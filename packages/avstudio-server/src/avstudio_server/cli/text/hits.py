"""What a search has found, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from avstudio_core import Hit
from avstudio_server.cli.terminal.tables import table


def hit_table(hits: Sequence[Hit]) -> str:
    """A line for each text: when it is said, where, and its words."""
    rows = [(_moment(hit.start), hit.name or hit.processor or "", hit.kind, hit.snippet) for hit in hits]
    return table(("TIME", "FILE", "KIND", "TEXT"), rows)


def _moment(seconds: float | None) -> str:
    """A time such as `1:02:03.4`; nothing for a text without one."""
    if seconds is None:
        return ""
    tenths = int(10 * seconds)
    hours, minutes = tenths // 36000, tenths // 600 % 60
    rest = f"{tenths // 10 % 60:02}.{tenths % 10}"
    return f"{hours}:{minutes:02}:{rest}" if hours else f"{minutes}:{rest}"
