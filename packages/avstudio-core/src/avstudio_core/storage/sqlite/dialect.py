"""How SQLite writes the parts of statements that differ between databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.compiler import compiles

from avstudio_core.storage.expressions import InsertNew, Listed, Upsert, UtcDay


@compiles(Listed, "sqlite")
def _listed(element: Listed, compiler: Any, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(UtcDay, "sqlite")
def _utc_day(element: UtcDay, compiler: Any, **options: Any) -> str:
    return f"date({compiler.process(element.clauses, **options)}, 'unixepoch')"


@compiles(InsertNew, "sqlite")
def _insert_new(element: InsertNew, compiler: Any, **options: Any) -> str:
    return f"{compiler.visit_insert(element, **options)} ON CONFLICT DO NOTHING"


@compiles(Upsert, "sqlite")
def _upsert(element: Upsert, compiler: Any, **options: Any) -> str:
    changed = ", ".join(f"{name} = excluded.{name}" for name in element.changed)
    return f"{compiler.visit_insert(element, **options)} ON CONFLICT ({', '.join(element.key)}) DO UPDATE SET {changed}"
