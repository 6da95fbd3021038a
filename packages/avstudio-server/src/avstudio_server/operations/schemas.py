"""JSON Schema for a command line: which values are allowed, how they are written, and how a text is read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from avstudio_core.errors import InvalidParams
from avstudio_core.nearest import did_you_mean
from avstudio_core.quotes import quoted

Schema = Mapping[str, Any]

NAMES = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "object": "a JSON object"}
LETTERS = {"integer": "N", "number": "X", "boolean": "true|false", "array": "LIST", "object": "JSON"}
LIMITS = {
    "minimum": "at least {:g}",
    "exclusiveMinimum": "above {:g}",
    "maximum": "at most {:g}",
    "exclusiveMaximum": "below {:g}",
    "minItems": "at least {} item{}",
    "maxItems": "at most {} item{}",
}
MOST_SHOWN = 60
"""The most characters of choices beside an option; longer lists are in its help."""


def alternatives(schema: Schema, definitions: Schema) -> list[Schema]:
    """The alternatives of a schema: references resolved, unions split, `null` left out."""
    if "$ref" in schema:
        return alternatives(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return [found for one in schema[key] for found in alternatives(one, definitions)]
    return [] if schema.get("type") == "null" else [schema]


def choices(schemas: list[Schema]) -> list[Any]:
    """The values of an enumeration; empty if other values are also allowed."""
    found = [_choices(schema) for schema in schemas]
    return [value for values in found for value in values] if all(found) else []


def metavar(schemas: list[Schema], definitions: Schema) -> str:
    """The placeholder for a value: `N`, `X`, `TEXT`, `JSON`, or the choices, with `,…` for a list."""
    if len(schemas) == 1 and schemas[0].get("type") == "array":
        items = _items(schemas[0], definitions)
        if _nested(items):
            return "TEXT,…" if any(item.get("type") == "string" for item in items) else "JSON"
        written = metavar(items, definitions)
        return written if any(map(is_file, items)) else f"{written},…"
    if among := choices(schemas):
        written = "|".join(map(str, among))
        return written if len(written) <= MOST_SHOWN else "CHOICE"
    kinds = {_word(schema) for schema in schemas}
    return kinds.pop() if len(kinds) == 1 else "VALUE"


def bounds(schemas: list[Schema]) -> str:
    """The bounds of a number, or of the length of a list, in words."""
    limits = []
    for schema in schemas:
        if "minItems" in schema and schema["minItems"] == schema.get("maxItems"):
            limits.append(f"{schema['minItems']} items")
            continue
        limits += [
            words.format(schema[key], "" if schema[key] == 1 else "s") for key, words in LIMITS.items() if key in schema
        ]
    return ", ".join(limits)


def read(text: str, schemas: list[Schema], definitions: Schema) -> Any:
    """A text as a value of the narrowest schema that it fits. Raises `ValueError`."""
    for schema in sorted(schemas, key=_openness):
        try:
            return _read(text, schema, definitions)
        except (ValueError, KeyError, RecursionError):
            continue
    raise ValueError(text)


def kinds_of_items(schema: Schema, definitions: Schema) -> tuple[str, dict[str, Schema]] | None:
    """The field that tells the kinds of items of a list apart, and the schema of each; `None` for other schemas."""
    items = schema.get("items", {})
    union = next((one for one in (items, *items.get("anyOf", ())) if "discriminator" in one), None)
    if union is None:
        return None
    places = union["discriminator"]["mapping"]
    kinds = {kind: definitions[place.rpartition("/")[2]] for kind, place in places.items()}
    return union["discriminator"]["propertyName"], kinds


def is_file(schema: Schema) -> bool:
    """Whether a schema is of a file, which is written as a path or the id of an artifact."""
    return schema.get("format") == "artifact"


def read_list(texts: list[str], schema: Schema, definitions: Schema) -> list[Any]:
    """A list from several texts, each one item, items separated by commas, or a JSON list; a file has its own text."""
    found: list[Any] = []
    items = _items(schema, definitions)
    for text in texts:
        if any(map(is_file, items)):
            found.append(text)
        elif text.lstrip().startswith("["):
            found += json.loads(text)
        else:
            found += [read(part.strip(), items, definitions) for part in text.split(",") if part.strip()]
    return found


def refused(option: str, text: str, schemas: list[Schema], definitions: Schema) -> InvalidParams:
    """The error for a text that fits none of the schemas."""
    items = [one for schema in schemas if schema.get("type") == "array" for one in _items(schema, definitions)]
    among = [str(value) for value in choices(items or schemas)]
    if among:
        hint = did_you_mean(text, among) or f"Choose from: {', '.join(among)}."
        return InvalidParams(f"'{option}' cannot be {quoted(text)}.", hint=hint)
    names = [NAMES.get(schema.get("type", ""), "a value of its type") for schema in items or schemas]
    expected = " or ".join(dict.fromkeys(names))
    return InvalidParams(f"'{option}' cannot be {quoted(text)}.", hint=f"Give {expected}.")


def _items(schema: Schema, definitions: Schema) -> list[Schema]:
    found = [one for given in schema.get("prefixItems", ()) for one in alternatives(given, definitions)]
    return found or alternatives(schema.get("items", {}), definitions)


def _nested(items: list[Schema]) -> bool:
    """Whether commas cannot separate the items, because lists and objects contain commas."""
    return any(item.get("type") in ("array", "object") for item in items)


def _choices(schema: Schema) -> list[Any]:
    return [schema["const"]] if "const" in schema else list(schema.get("enum", ()))


def _word(schema: Schema) -> str:
    if is_file(schema):
        return "FILE"
    return "PATH" if schema.get("format") in ("path", "file-path") else LETTERS.get(schema.get("type", ""), "TEXT")


def _openness(schema: Schema) -> int:
    """Roughly how many texts fit a schema; narrow schemas are tried first."""
    if _choices(schema):
        return 0
    order = ("integer", "number", "boolean", "array", "object")
    kind = schema.get("type")
    return order.index(kind) + 1 if kind in order else len(order) + 1


def _read(text: str, schema: Schema, definitions: Schema) -> Any:
    if among := _choices(schema):
        return {str(value): value for value in among}[text]
    match schema.get("type"):
        case "integer":
            return int(text)
        case "number":
            return _finite(text)
        case "boolean":
            return {"true": True, "false": False}[text.lower()]
        case "array":
            return read_list([text], schema, definitions)
        case "object":
            return _object(text)
        case "string":
            return text
    return _anything(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _object(text: str) -> Any:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(text)
    return value


def _anything(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
