"""Parts of statements that databases write in their own ways; each one registers how, such as `sqlite/dialect.py`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Insert, Select, String, Table, bindparam, select
from sqlalchemy.sql.functions import FunctionElement


class Listed(FunctionElement[Any]):
    """The items of a JSON list, as a table with the column `value`."""

    name = "listed"
    inherit_cache = True


class UtcDay(FunctionElement[str]):
    """The day of a time."""

    name = "utc_day"
    type = String()
    inherit_cache = True


class InsertNew(Insert):
    """An insert that does not change an existing row."""

    inherit_cache = True


class Upsert(Insert):
    """An insert that changes the row with the same key, if there is one."""

    inherit_cache = False
    key: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def listed(name: str) -> Select[Any]:
    """The values of a parameter that is a JSON list, for `column.in_(listed("ids"))`.

    One prepared statement serves lists of any length.
    """
    return select(Listed(bindparam(name)).table_valued("value").c.value)


def insert_new(table: Table) -> InsertNew:
    """An insert that does not change an existing row; its `rowcount` shows whether it inserted one."""
    return InsertNew(table)


def upsert(table: Table, key: dict[str, Any], values: dict[str, Any]) -> Upsert:
    """An insert that sets `values` if a row with this key exists."""
    made = Upsert(table).values({**key, **values})
    made.key, made.changed = tuple(key), tuple(values)
    return made


def utc_day(moment: ColumnElement[float]) -> UtcDay:
    """The day, such as `2026-11-28`, of a time in seconds since 1970."""
    return UtcDay(moment)
