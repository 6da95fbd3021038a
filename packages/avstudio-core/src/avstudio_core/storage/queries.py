"""Frequent queries, which a database may answer without the overhead of SQLAlchemy's results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, Executable

Rows = Callable[[Connection, Executable, Mapping[str, Any]], list[tuple[Any, ...]]]
FAST: dict[str, Rows] = {}
"""By the name of a dialect, how its frequent queries are run."""


def rows(connection: Connection, statement: Executable, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a frequent query; its statement is made once, and not for each call."""
    return FAST.get(connection.dialect.name, _rows)(connection, statement, values)


def _rows(connection: Connection, statement: Executable, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(statement, values)]
