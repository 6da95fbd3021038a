"""JSON Schemas of declarations in an OpenAPI document, where definitions have one common place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from avstudio_server.http.named_values import PLACE

DEFINITIONS = "$defs"
OWN = f"#/{DEFINITIONS}/"


def lifted(schema: Mapping[str, Any], prefix: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A schema without definitions of its own, and its definitions under names that begin with a prefix."""
    definitions = {f"{prefix}.{name}": _moved(one, prefix) for name, one in schema.get(DEFINITIONS, {}).items()}
    return _moved({name: one for name, one in schema.items() if name != DEFINITIONS}, prefix), definitions


def _moved(value: Any, prefix: str) -> Any:
    """A part of a schema whose references, also those of a discriminator, lead to the common place."""
    if isinstance(value, Mapping):
        return {name: _moved(one, prefix) for name, one in value.items()}
    if isinstance(value, list):
        return [_moved(one, prefix) for one in value]
    own = isinstance(value, str) and value.startswith(OWN)
    return f"{PLACE}{prefix}.{value.removeprefix(OWN)}" if own else value


TASK_OUTPUT = {
    "type": "object",
    "title": "Output of a task",
    "description": "A file that an earlier task has made; also written `task_…:output`.",
    "properties": {"task": {"type": "string"}, "output": {"type": ["string", "null"]}},
    "required": ["task"],
    "additionalProperties": False,
}
ARTIFACT = {
    "type": "object",
    "title": "Artifact",
    "description": "The same as its id, in the form in which a task shows its source.",
    "properties": {"artifact": {"type": "string"}},
    "required": ["artifact"],
    "additionalProperties": False,
}
FILE = {"type": "string", "format": "binary"}


def with_outputs(arguments: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of arguments as JSON, in which each file may also be the output of a task, or an object."""
    properties = {**arguments.get("properties", {})}
    for name in inputs.keys() & properties.keys():
        properties[name] = {"anyOf": [properties[name], TASK_OUTPUT, ARTIFACT], "title": name}
    return {**arguments, "properties": properties}


def as_form(arguments: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of arguments as a form, in which files may be sent; the field `params` may have others as JSON."""
    properties = {**arguments.get("properties", {})}
    for name in inputs.keys() & properties.keys():
        files: dict[str, Any] = {"type": "array", "items": FILE} if inputs[name]["many"] else FILE
        properties[name] = {"anyOf": [files, properties[name]], "title": name}
    properties.setdefault("params", {"type": "string", "contentMediaType": "application/json"})
    return {**arguments, "properties": properties}
