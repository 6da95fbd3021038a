"""Checks whether a value of an earlier result fits a parameter, by the declared schemas of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from avstudio_core.errors import InvalidPlan
from avstudio_core.kinds.processor import Processor
from avstudio_core.nearest import did_you_mean
from avstudio_core.parameters import json_types
from avstudio_core.plans.references import Ref
from avstudio_core.quotes import listed, quoted
from avstudio_core.results import Params, Result

Schema = Mapping[str, Any]
FILE = "Artifact"
"""The name of an artifact's schema."""
OURS = frozenset(Result.model_fields)
"""The fields of every result, which a hint does not name."""


def check_value(processor: Processor[Any, Any], name: str, ref: Ref, maker: Processor[Any, Any]) -> None:
    """Check that a parameter may get the value to which a reference leads. Raises `InvalidPlan`."""
    schema = _params(processor.params_type)
    field = schema.get("properties", {}).get(name)
    if field is None:  # its validation tells so
        return
    found = _at(maker, ref)
    if _leads_to_file(found):
        raise InvalidPlan(f"{quoted(name)} takes a value, but {quoted(ref)} is a file.")
    takes, gives = json_types(field, schema.get("$defs", {})), json_types(found, _result(maker.result_type)["$defs"])
    if takes - {"null"} == {"array"} and "array" not in gives:  # a list of this one value
        takes = json_types(_items(field, schema.get("$defs", {})), schema.get("$defs", {}))
    takes |= {"integer"} if "number" in takes else set()
    if takes and gives and not takes & (gives - {"null"} or gives):
        message = f"{quoted(name)} takes {_in_words(takes - {'null'})}, but {quoted(ref)} is {_in_words(gives)}."
        raise InvalidPlan(message)


def is_file(maker: Processor[Any, Any], path: str) -> bool:
    """Whether the result of a processor has a file or a list of them at a path, such as `scenes.0.thumbnail`."""
    return any(_leads_to_file(one) or _leads_to_file(one.get("items", {})) for one in _walked(maker, path))


def _at(maker: Processor[Any, Any], ref: Ref) -> Schema:
    """The schema of the value to which a reference leads. Raises `InvalidPlan`."""
    names = [name for name in _result(maker.result_type)["properties"] if name not in OURS]
    if ref.output is None:
        message = f"{quoted(ref)} refers to a whole step."
        raise InvalidPlan(message, hint=f"Name one of its values: {listed(names)}.")
    found = list(_walked(maker, ref.output))
    if not found:
        hint = did_you_mean(ref.output, names) or f"It has: {listed(names)}."
        raise InvalidPlan(f"The result of {maker.name} does not have {quoted(ref.output)}.", hint=hint)
    return {"anyOf": found}


def _walked(maker: Processor[Any, Any], path: str) -> Iterator[Schema]:
    """The schemas to which a path leads: by a field's name, the number of an item, or a key."""
    whole = _result(maker.result_type)
    found: list[Schema] = [whole]
    for part in path.split("."):
        found = [inner for one in found for inner in _inside(one, part, whole["$defs"])]
    yield from found


def _inside(schema: Schema, part: str, definitions: Schema) -> Iterator[Schema]:
    for one in _alternatives(schema, definitions):
        if part in one.get("properties", {}):
            yield one["properties"][part]
        elif one.get("type") == "object" and isinstance(one.get("additionalProperties"), dict):
            yield one["additionalProperties"]
        elif one.get("type") == "array" and part.isdecimal() and "items" in one:
            yield one["items"]


def _alternatives(schema: Schema, definitions: Schema) -> Iterator[Schema]:
    if "$ref" in schema:
        yield from _alternatives(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    elif "anyOf" in schema:
        for one in schema["anyOf"]:
            yield from _alternatives(one, definitions)
    else:
        yield schema


def _items(schema: Schema, definitions: Schema) -> Schema:
    """The schema of the items of a list; an empty one if they can be anything."""
    return next((one["items"] for one in _alternatives(schema, definitions) if "items" in one), {})


def _leads_to_file(schema: Schema) -> bool:
    return schema.get("$ref", "").endswith(f"/{FILE}") or any(map(_leads_to_file, schema.get("anyOf", ())))


@lru_cache(maxsize=256)
def _result(kind: type[Result]) -> dict[str, Any]:
    return {"$defs": {}} | kind.model_json_schema(mode="serialization")


@lru_cache(maxsize=256)
def _params(kind: type[Params]) -> dict[str, Any]:
    return kind.model_json_schema()


def _in_words(types: set[str]) -> str:
    words = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "string": "text"}
    words |= {"array": "a list", "object": "an object", "null": "nothing"}
    shown = types - {"integer"} if "number" in types else types
    return " or ".join(sorted(words[one] for one in shown))
