"""Secrets as a table, and the warnings about those that cannot be read or are old."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from avstudio_server.cli.terminal.tables import table


def secret_table(secrets: list[dict[str, Any]]) -> str:
    """Each secret with its store and its age."""
    return table(("NAME", "STORE", "AGE"), [(one["name"], one["store"], _age(one)) for one in secrets])


def warnings(secrets: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each secret that cannot be read, or should be replaced."""
    for one in secrets:
        if one["obstacle"]:
            yield f"The secret '{one['name']}' cannot be read: {one['obstacle']}"
        if one["old"]:
            age = f"The secret '{one['name']}' is {one['days']} days old."
            yield f"{age} Replace it at its provider, then: avstudio secrets rotate {one['name']}"


def _age(one: dict[str, Any]) -> str:
    if one["days"] is None:
        return "unknown"
    days = "today" if one["days"] == 0 else f"{one['days']} days"
    return f"{days}, replace it" if one["old"] else days
