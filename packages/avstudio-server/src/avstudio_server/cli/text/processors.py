"""Processors as a table, and one as lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from avstudio_server.cli.options import Field, fields_of
from avstudio_server.cli.terminal.tables import table
from avstudio_server.cli.text.results import rendered
from avstudio_server.operations import schemas

if TYPE_CHECKING:
    from avstudio_core import Declaration


def declaration_table(declarations: Sequence[Declaration]) -> str:
    """One line for each processor."""
    if not declarations:
        return "No processors are installed. To install some: pip install 'avstudio-audio'"
    rows = [(one.name, ", ".join(one.accepts) or "nothing", one.distribution, one.summary) for one in declarations]
    return table(("PROCESSOR", "TAKES", "FROM", ""), rows)


def declaration_text(data: dict[str, Any]) -> str:
    """A processor as text."""
    return "\n".join(_lines(data))


def _lines(data: dict[str, Any]) -> Iterator[str]:
    yield f"{data['name']} {data['version']} ({data['distribution']})"
    yield from ("", data["description"], "")
    yield f"takes: {', '.join(data['accepts']) or 'nothing'}"
    if data["outputs"]:
        yield f"makes: {', '.join(f'{name} ({kind})' for name, kind in data['outputs'].items())}"
    yield from rendered("needs", {name: value for name, value in data["needs"].items() if value})
    yield from _planning(data)
    fields = fields_of(data["params"], data["name"].partition(".")[2], ())
    yield from _block("parameters", [(field.name, field.meaning) for field in fields])
    for field in fields:
        yield from _kinds(field)
    result = data["result"].get("properties", {})
    yield from _block("result", [(name, _meaning(schema)) for name, schema in result.items()])


def _planning(data: Mapping[str, Any]) -> Iterator[str]:
    """What tools and planners go by."""
    yield f"tool: {data['tool']}, {'idempotent' if data['idempotent'] else 'not idempotent'}, effect: {data['effect']}"
    yield f"errors: {', '.join(data['errors'])}"
    yield from (f"asked for in {language} by: {', '.join(cues)}" for language, cues in data["cues"].items())
    yield from (f"{name} is also called: {', '.join(words)}" for name, words in data["nouns"].items())
    yield from (f"{name} is read as: {kind}" for name, kind in data["slots"].items())
    yield from (f"example: {one['request']} {json.dumps(one['params'])}" for one in data["examples"])


def _kinds(field: Field) -> Iterator[str]:
    """The kinds of items that a list may have, each with its own fields; those of all kinds come first."""
    found = schemas.kinds_of_items(field.array or {}, field.definitions)
    if found is None:
        return
    key, kinds = found
    rows = {kind: _rows(schema, field.definitions, key) for kind, schema in kinds.items()}
    common = [row for row in next(iter(rows.values())) if all(row in others for others in rows.values())]
    yield from _block(f"{field.name}, all kinds", common)
    for kind, schema in kinds.items():
        yield from ("", f"{field.name}, {kind}: {schema.get('description', '')}".rstrip())
        yield from _columns([row for row in rows[kind] if row not in common])


def _rows(schema: Mapping[str, Any], definitions: Mapping[str, Any], key: str) -> list[tuple[str, str]]:
    fields = fields_of({**schema, "$defs": definitions}, "", ())
    return [(field.name, field.meaning) for field in fields if field.name != key]


def _block(title: str, rows: list[tuple[str, str]]) -> Iterator[str]:
    if rows:
        yield from ("", f"{title}:")
        yield from _columns(rows)


def _columns(rows: list[tuple[str, str]]) -> Iterator[str]:
    width = max((len(name) for name, _ in rows), default=0)
    yield from (f"  {name.ljust(width)}  {meaning}".rstrip() for name, meaning in rows)


def _meaning(schema: Mapping[str, Any]) -> str:
    unit = f" [in {schema['unit']}]" if "unit" in schema else ""
    return f"{schema.get('description', '')}{unit}".strip()
