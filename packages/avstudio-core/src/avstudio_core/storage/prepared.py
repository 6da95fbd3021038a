"""Statements for the driver itself: compiled once, and run without what SQLAlchemy does around each run."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.dialects import sqlite


class Prepared:
    """A statement as SQLite's driver takes it."""

    def __init__(self, statement: Executable, names: tuple[str, ...]) -> None:
        compiled: Any = statement.compile(dialect=sqlite.dialect(), column_keys=names)  # type: ignore[attr-defined]
        self.sql: str = compiled.string
        self._order: tuple[str, ...] = tuple(compiled.positiontup)
        self._fixed: dict[str, Any] = {name: bind.value for name, bind in compiled.binds.items() if name not in names}

    def values(self, given: Mapping[str, Any]) -> tuple[Any, ...]:
        """The values in the statement's own order."""
        fixed = self._fixed
        return tuple([fixed[name] if name in fixed else given[name] for name in self._order])


def rows(connection: Connection, statement: Executable, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """What a statement that is asked often reads."""
    one = prepared(statement, tuple(values))
    cursor: sqlite3.Cursor = connection.connection.cursor()  # type: ignore[assignment]
    return cursor.execute(one.sql, one.values(values)).fetchall()


@lru_cache(maxsize=256)
def prepared(statement: Executable, names: tuple[str, ...]) -> Prepared:
    """The statement compiled for values of these names."""
    return Prepared(statement, names)
