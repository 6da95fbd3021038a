"""Statements that differ between databases, for SQLite."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, Table, bindparam, func, select
from sqlalchemy.dialects.sqlite import Insert, insert


def listed(name: str) -> Select[Any]:
    """The values of a parameter that is a JSON list, for `column.in_(listed("ids"))`.

    One prepared statement serves lists of any length.
    """
    return select(func.json_each(bindparam(name)).table_valued("value").c.value)


def insert_new(table: Table) -> Insert:
    """An insert that does not change an existing row; its `rowcount` shows whether it inserted one."""
    return insert(table).on_conflict_do_nothing()


def upsert(table: Table, key: dict[str, Any], values: dict[str, Any]) -> Insert:
    """An insert that sets `values` if a row with this key exists."""
    return insert(table).values({**key, **values}).on_conflict_do_update(index_elements=list(key), set_=values)


def utc_day(moment: ColumnElement[float]) -> ColumnElement[str]:
    """The day, such as `2026-11-28`, of a time in seconds since 1970."""
    return func.date(moment, "unixepoch")
