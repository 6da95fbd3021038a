"""Statements for the driver itself: compiled once, and run without SQLAlchemy's overhead."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.dialects import sqlite

from avstudio_core.storage.queries import FAST
from avstudio_core.storage.sqlite import dialect as dialect  # registers how SQLite writes statements

ROWS = 32
"""The most rows that one call inserts: at each call, the writer can lose the interpreter to other threads."""


class Prepared:
    """A statement in the form of SQLite's driver."""

    def __init__(self, statement: Executable, names: tuple[str, ...]) -> None:
        compiled: Any = statement.compile(dialect=sqlite.dialect(), column_keys=names)  # type: ignore[attr-defined]
        self.sql: str = compiled.string
        order: tuple[str, ...] = tuple(compiled.positiontup)
        self._fixed: dict[str, Any] = {name: bind.value for name, bind in compiled.binds.items() if name not in names}
        self._in_order = itemgetter(*order) if len(order) > 1 else lambda given: tuple(given[name] for name in order)
        row = f"({', '.join('?' * len(order))})"
        self._further = f", {row}" if self.sql.endswith(f" VALUES {row}") else ""
        """What an insert needs for each row after the first one."""

    def values(self, given: Mapping[str, Any]) -> tuple[Any, ...]:
        """The values in the order of the statement."""
        ordered: tuple[Any, ...] = self._in_order({**self._fixed, **given} if self._fixed else given)
        return ordered

    def run_all(self, cursor: sqlite3.Cursor, given: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement for each of many values."""
        ordered = [self.values(values) for values in given]
        while self._further and ordered:
            number = min(ROWS, 1 << (len(ordered).bit_length() - 1))  # powers of two: few statements to keep
            cursor.execute(self.sql + self._further * (number - 1), tuple(chain.from_iterable(ordered[:number])))
            del ordered[:number]
        cursor.executemany(self.sql, ordered)


def rows(connection: Connection, statement: Executable, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a frequent query."""
    one = prepared(statement, tuple(values))
    cursor: sqlite3.Cursor = connection.connection.cursor()  # type: ignore[assignment]
    return cursor.execute(one.sql, one.values(values)).fetchall()


FAST["sqlite"] = rows


@lru_cache(maxsize=256)
def prepared(statement: Executable, names: tuple[str, ...]) -> Prepared:
    """The statement, compiled for values with these names."""
    return Prepared(statement, names)
