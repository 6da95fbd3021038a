"""Sizes as tables, and what was removed as a sentence."""

from __future__ import annotations

from typing import Any

from avstudio_server.cli.terminal.tables import size, table

PARTS = {
    "store": "files of tasks and sources",
    "database": "tasks, events, costs",
    "weights": "models that were fetched",
    "cache": "declarations of plugins",
    "staging": "files of unfinished runs",
}


def storage_text(data: dict[str, Any]) -> str:
    """The parts of the data folder, then the files of the store."""
    parts = table(("PART", "SIZE", ""), [(name, size(data[name]), what) for name, what in PARTS.items()])
    shares = [(one["project"], one["made_by"], one["files"], size(one["bytes"])) for one in data["shares"]]
    if not shares:
        return f"{data['home']}\n\n{parts}"
    return f"{data['home']}\n\n{parts}\n\n{table(('PROJECT', 'MADE BY', 'FILES', 'SIZE'), shares)}"


def removed_text(data: dict[str, Any]) -> str:
    """What was removed, or would be."""
    return f"{'Would remove' if data['dry_run'] else 'Removed'} {amount(data)}."


def amount(data: dict[str, Any]) -> str:
    """The tasks and files of a removal, and their size."""
    return f"{_counted(data['tasks'], 'task')} and {_counted(data['files'], 'file')}: {size(data['bytes'])}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
