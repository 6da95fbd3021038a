"""Results as lines: files first, then values, then text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from avstudio_core.quotes import harmless
from avstudio_server.operations.schemas import Schema, alternatives

if TYPE_CHECKING:
    from avstudio_server.views.results import StepResult

MOST_ITEMS = 20
"""The longest list that is shown whole; JSON always has all of it."""
NOTHING: Schema = {}


def results_text(results: list[StepResult]) -> str:
    """Results as text: files first, then values, and last a result's own text, unchanged."""
    parts = []
    for one in results:
        heading = [] if len(results) == 1 else [f"{one.task.processor}:"]
        lines = [*_lines(one)]
        indent = "  " if heading else ""
        parts.append("\n".join([*heading, *(f"{indent}{line}" for line in lines)]))
        if text := getattr(one.result, "text", None):
            parts.append(f"\n{text}\n" if len(results) > 1 else f"\n{text}" if lines else str(text))
    return "\n".join(parts).strip("\n")


def _lines(one: StepResult) -> Iterator[str]:
    from avstudio_core import Result

    for name, path in one.files.items():
        artifact = one.artifacts[name]
        yield harmless(f"{name}: {path if path != artifact.path else f'{artifact.id}  {artifact.name}  {path}'}")
    if model := one.result.effective.get("model"):
        yield f"model: {model}"
    schema = type(one.result).model_json_schema(mode="serialization")
    shown = _with_names(one.result.model_dump(mode="json"), {file.id: file.name for file in one.artifacts.values()})
    for name, field in schema["properties"].items():
        if name not in Result.model_fields and name != "text" and not _holds_artifacts(getattr(one.result, name)):
            yield from rendered(name, shown[name], field, schema.get("$defs", {}))


def rendered(name: str, value: Any, schema: Schema = NOTHING, definitions: Schema = NOTHING) -> Iterator[str]:
    """A JSON value as indented lines, with the units of its schema; empty values are left out."""
    name = harmless(name)
    if value is None and "unit" in schema and "default" not in schema:  # a measurement that was not possible
        yield f"{name}: unknown"
    if value in (None, "", [], {}):
        return
    if isinstance(value, dict):
        yield f"{name}:"
        for line in _members(value, schema, definitions):
            yield f"  {line}"
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        yield f"{name}:"
        items = _inside(schema, definitions, "items")
        for item in value[:MOST_ITEMS]:
            lines = _members(item, items, definitions) if isinstance(item, dict) else [_plain(item)]
            yield from (f"  {'-' if number == 0 else ' '} {line}" for number, line in enumerate(lines))
        if len(value) > MOST_ITEMS:
            yield f"  … {len(value) - MOST_ITEMS} more: see --json"
    elif isinstance(value, list):
        yield f"{name}: {', '.join(map(_plain, value))} {schema.get('unit', '')}".rstrip()
    else:
        yield f"{name}: {_plain(value)} {schema.get('unit', '')}".rstrip()


def _members(value: dict[str, Any], schema: Schema, definitions: Schema) -> Iterator[str]:
    properties = _inside(schema, definitions, "properties")
    others = _inside(schema, definitions, "additionalProperties")  # may be `True`
    any_other = others if isinstance(others, dict) else NOTHING
    for name, item in value.items():
        yield from rendered(name, item, properties.get(name, any_other), definitions)


def _inside(schema: Schema, definitions: Schema, key: str) -> Schema:
    """The part of a schema that describes the members of a value."""
    return next((one[key] for one in alternatives(schema, definitions) if key in one), NOTHING)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{round(value, 3):g}" if abs(value) < 1e6 else f"{value:.0f}"
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"
    return harmless(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _holds_artifacts(value: Any) -> bool:
    from avstudio_core import Artifact

    items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return any(isinstance(item, Artifact) for item in items)


def _with_names(value: Any, files: dict[str, str]) -> Any:
    """A JSON value in which the name of a file stands for the file, which is listed elsewhere."""
    if isinstance(value, list):
        return [_with_names(item, files) for item in value]
    if isinstance(value, dict):
        return files.get(str(value.get("id"))) or {name: _with_names(item, files) for name, item in value.items()}
    return value
