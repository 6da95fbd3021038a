"""Backups as lines."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from avstudio_server.cli.terminal.tables import size, table


def backup_text(data: dict[str, Any]) -> str:
    """What a backup made."""
    text = f"Snapshot {data['snapshot']}: {_files(data['files'])}, {size(data['bytes'])}; {data['new_files']} new."
    return f"{text} {data['removed']} old removed." if data["removed"] else text


def absent_text(absent: Sequence[str]) -> list[str]:
    """A line if the data folder itself has lost files."""
    if not absent:
        return []
    return [f"The data folder has lost {_files(len(absent))}, which the backup lacks: see 'avstudio doctor --check'."]


def restored_text(data: dict[str, Any]) -> str:
    """What was restored, and what was not."""
    lines = [f"{data['home']}: restored from the snapshot {data['snapshot']}, {_files(data['files'])}."]
    if data["left_out"]:
        lines.append(f"{_files(len(data['left_out']))} are not in the backup: see 'avstudio doctor --check'.")
    if data["aside"]:
        lines.append(f"The old data folder is now {data['aside']}.")
    return "\n".join(lines)


def verified_text(data: dict[str, Any]) -> str:
    """The snapshots, then a line for everything that is missing or damaged."""
    lines = [table(("SNAPSHOT", "MADE", "FILES", "SIZE", "STATE"), map(_row, data["snapshots"]))]
    lines += data["flaws"]
    if data["unused"]:
        lines.append(f"No snapshot needs {_files(data['unused'])}: the next backup with --keep removes them.")
    lines.append("Some content is missing or damaged." if data["flaws"] else "Everything is there and unchanged.")
    return "\n".join(lines)


def _row(one: dict[str, Any]) -> tuple[str, str, int, str, str]:
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(one["made_at"]))
    return one["id"], made, one["files"], size(one["bytes"]), "whole" if one["whole"] else "damaged"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
