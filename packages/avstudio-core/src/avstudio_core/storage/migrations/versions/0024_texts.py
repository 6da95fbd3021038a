"""The texts that a search of the library finds, instead of tables of results that nobody read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op

from avstudio_core.documents.search_words import comparable

revision = "0024"
down_revision = "0023"
LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TRANSCRIPT = "application/vnd.avstudio.transcript+json"
PORTION = 500
INDEX = """CREATE VIRTUAL TABLE texts_index USING fts5(place, words, content='', columnsize=0,
    tokenize="unicode61 remove_diacritics 0 categories 'L* N* M* Co'")"""
PLACE = "'o' || hex({0}.owner) || ' p' || hex({0}.project) || ' k' || hex({0}.kind) || ' r' || hex({0}.processor)"
VALUES = f"{{0}}.id, {PLACE}, coalesce({{0}}.words, {{0}}.text)"
ADDED = f"""CREATE TRIGGER texts_added AFTER INSERT ON texts BEGIN
    INSERT INTO texts_index(rowid, place, words) VALUES ({VALUES.format("new")}); END"""
REMOVED = f"""CREATE TRIGGER texts_removed AFTER DELETE ON texts BEGIN
    INSERT INTO texts_index(texts_index, rowid, place, words) VALUES ('delete', {VALUES.format("old")}); END"""
NAMES = """SELECT m.owner, m.project, '' AS processor, NULL AS task_id, m.artifact_id, m.artifact_id AS source_id,
    'name' AS kind, NULL AS start, NULL AS end, m.created_at, a.name AS text
    FROM media_files m JOIN artifacts a ON a.id = m.artifact_id ORDER BY m.id"""
SPOKEN = """SELECT t.owner, t.project, t.processor, NULL AS task_id, a.id AS artifact_id, a.lineage, a.sha256,
    'speech' AS kind, a.created_at FROM artifacts a JOIN tasks t ON t.id = a.task_id
    WHERE a.media_type = :transcript ORDER BY a.id"""
WRITTEN = """SELECT t.owner, t.project, t.processor, t.id AS task_id, NULL AS artifact_id, NULL AS source_id,
    'text' AS kind, NULL AS start, NULL AS end, t.finished_at AS created_at, json_extract(t.result, '$.text') AS text
    FROM tasks t WHERE t.state = 'COMPLETED' AND json_type(t.result, '$.text') = 'text' AND NOT EXISTS
    (SELECT 1 FROM artifacts a WHERE a.task_id = t.id AND a.media_type = :transcript) ORDER BY t.id"""


def upgrade() -> None:
    op.drop_table("transcriptions")
    op.drop_table("stem_separations")
    new = op.create_table(
        "texts",
        sa.Column("id", LONG, primary_key=True),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("processor", sa.String(), nullable=False),
        sa.Column("task_id", sa.String(), sa.ForeignKey("tasks.id")),
        sa.Column("artifact_id", sa.String(), sa.ForeignKey("artifacts.id", deferrable=True, initially="DEFERRED")),
        sa.Column("source_id", sa.String()),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("start", sa.Float()),
        sa.Column("end", sa.Float()),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("words", sa.Text()),
    )
    op.create_index("ix_texts_task_id", "texts", ["task_id"])
    op.create_index("ix_texts_artifact_id", "texts", ["artifact_id"])
    for statement in (INDEX, ADDED, REMOVED):
        op.execute(statement)
    connection = op.get_bind()
    for row in _texts(connection):
        words = None if row["text"].isascii() else comparable(row["text"])
        connection.execute(new.insert(), {**row, "words": words})


def _texts(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    """The texts of everything that the folder has; a transcript that cannot be read has none."""
    values = {"transcript": TRANSCRIPT}
    for query in (NAMES, WRITTEN):
        yield from (dict(row) for row in connection.execute(sa.text(query), _needed(query, values)).mappings())
    home = Path(connection.engine.url.database or "").parent
    for row in connection.execute(sa.text(SPOKEN), values).mappings().all():
        given = {name: value for name, value in row.items() if name not in ("lineage", "sha256")}
        source = next(iter(json.loads(row["lineage"] or "{}").get("parents", [])), None)
        for segment in _segments(home / "artifacts" / row["sha256"][:2] / row["sha256"]):
            yield {**given, "source_id": source, **segment}


def _needed(query: str, values: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if f":{name}" in query}


def _segments(path: Path) -> list[dict[str, Any]]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))["segments"]
        return [{"text": str(one["text"]).strip(), "start": one["start"], "end": one["end"]} for one in read]
    except (OSError, ValueError, LookupError, TypeError):
        return []
