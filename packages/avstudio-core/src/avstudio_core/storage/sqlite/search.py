"""Searches texts with the full-text index of SQLite, FTS5.

The index has a row for each row of `texts`: its words, and its place, words made of its owner, project, kind and
processor in hexadecimal. So each search reads the words of other owners only as far as their numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import DDL, ColumnElement, RowMapping, Select, column, event, func, select, table

from avstudio_core.storage.database import Database
from avstudio_core.storage.owned_rows import within
from avstudio_core.storage.search import Wanted
from avstudio_core.storage.tables import artifacts, texts

INDEX = "texts_index"
_PLACES = ("owner", "project", "kind", "processor")
"""The columns that the place of a text is made of; each word begins with the first letter of one, or its second."""
_PREFIXES = dict(zip(_PLACES, "opkr", strict=True))


def _values(row: str) -> str:
    place = " || ' ' || ".join(f"'{_PREFIXES[name]}' || hex({row}.{name})" for name in _PLACES)
    return f"{row}.id, {place}, coalesce({row}.words, {row}.text)"


STATEMENTS = (
    f"CREATE VIRTUAL TABLE {INDEX} USING fts5(place, words, content='', columnsize=0, "
    "tokenize=\"unicode61 remove_diacritics 0 categories 'L* N* M* Co'\")",
    f"CREATE TRIGGER texts_added AFTER INSERT ON texts BEGIN "
    f"INSERT INTO {INDEX}(rowid, place, words) VALUES ({_values('new')}); END",
    f"CREATE TRIGGER texts_removed AFTER DELETE ON texts BEGIN "
    f"INSERT INTO {INDEX}({INDEX}, rowid, place, words) VALUES ('delete', {_values('old')}); END",
)
for _statement in STATEMENTS:
    event.listen(texts, "after_create", DDL(_statement).execute_if(dialect="sqlite"))  # type: ignore[no-untyped-call]

_index = table(INDEX, column("rowid"), column(INDEX))
_sources = artifacts.alias("sources")
FIND = (
    select(
        *texts.columns,
        artifacts.c.name.label("name"),
        artifacts.c.media_type.label("media_type"),
        func.coalesce(texts.c.task_id, artifacts.c.task_id).label("made_by"),
        _sources.c.name.label("source_name"),
    )
    .select_from(_index)
    .join(texts, texts.c.id == _index.c.rowid)
    .outerjoin(artifacts, artifacts.c.id == texts.c.artifact_id)
    .outerjoin(_sources, _sources.c.id == texts.c.source_id)
    .order_by(_index.c.rowid.desc())
)


class TextSearch:
    """The search of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, wanted: Wanted, limit: int) -> list[RowMapping]:
        """The newest texts, with their documents and the recordings to which their times refer."""
        with self._database.read() as connection:
            return list(connection.execute(query(wanted).limit(limit)).mappings())


def query(wanted: Wanted) -> Select[Any]:
    """The search as a statement."""
    found = FIND.where(_index.c[INDEX].op("MATCH")(" AND ".join(_terms(wanted))), *within(wanted.reach, texts))
    if wanted.before is not None:
        found = found.where(_index.c.rowid < wanted.before)
    if wanted.media_type is not None:
        found = found.where(_is_type(wanted.media_type))
    if wanted.since is not None:
        found = found.where(texts.c.created_at >= wanted.since)
    return found if wanted.until is None else found.where(texts.c.created_at < wanted.until)


def _is_type(wanted: str) -> ColumnElement[bool]:
    """The texts of a recording, or else in a file, of a media type, or of any that begins with `audio/`."""
    kind = func.coalesce(_sources.c.media_type, artifacts.c.media_type)
    return kind.startswith(wanted[:-1], autoescape=True) if wanted.endswith("/*") else kind == wanted


def _terms(wanted: Wanted) -> Iterator[str]:
    """The conditions in the language of FTS5. A phrase has letters and digits only, so it cannot have an operator."""
    conditions = {"owner": {wanted.reach.owner}, "project": {wanted.reach.project, wanted.project}}
    conditions |= {"kind": {wanted.kind}, "processor": {wanted.processor}}
    for name, values in conditions.items():
        for value in sorted(values - {None}, key=str):
            yield f'place : "{_PREFIXES[name]}{str(value).encode().hex()}"'
    for phrase in wanted.phrases:
        yield f'words : "{" ".join(phrase)}"'
