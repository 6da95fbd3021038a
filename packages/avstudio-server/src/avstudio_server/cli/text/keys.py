"""API keys as a table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from avstudio_server.cli.terminal.tables import table


def key_table(keys: list[dict[str, Any]]) -> str:
    """Each key with its state, owner and scopes."""
    columns = ("ID", "NAME", "KEY", "STATE", "OWNER", "PROJECT", "SCOPES", "EXPIRES", "LAST USED")
    return table(columns, [_row(one) for one in keys])


def day(seconds: float | None, otherwise: str) -> str:
    """The day of a time, in UTC."""
    return otherwise if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    begun = (one["id"], one["name"], f"{one['beginning']}…", one["state"], one["owner"], one["project"] or "any")
    return (*begun, ",".join(one["scopes"]), day(one["expires_at"], "never"), day(one["used_at"], "never"))
