"""The fields of a form as the arguments of a processor: `a[b]` is the field `b` of `a`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from avstudio_core.errors import InvalidParams
from avstudio_server.operations.schemas import Schema, alternatives, read as read_text, read_list, refused

FIELD = re.compile(r"([^\[\]]+)((?:\[[^\[\]]+\]){0,8})")


def read(texts: Mapping[str, list[str]], params: Schema, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The values of fields, by the schema of a processor's parameters; files stay texts. Raises `InvalidParams`."""
    tree: dict[str, Any] = {}
    for name, given in texts.items():
        found = FIELD.fullmatch(name)
        if found is None:
            raise InvalidParams(f"'{name}' is not the name of a field.", hint="Write 'name', or 'name[part]'.")
        _put(tree, [found[1], *re.findall(r"\[([^\[\]]+)\]", found[2])], given)
    return _values(tree, params, params.get("$defs", {}), inputs)


def _put(tree: dict[str, Any], path: list[str], texts: list[str]) -> None:
    """Put texts to their place in a tree. Raises `InvalidParams` if that is taken."""
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
        if not isinstance(tree, dict):
            raise InvalidParams(f"'{name}' is given as a whole and in parts.", hint="Give one of both.")
    if path[-1] in tree:
        raise InvalidParams(f"'{path[-1]}' is given as a whole and in parts.", hint="Give one of both.")
    tree[path[-1]] = texts


def _values(tree: Mapping[str, Any], schema: Schema, definitions: Schema, inputs: Mapping[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties", {})
    found = {}
    for name, given in tree.items():
        if name in inputs and isinstance(given, list):
            found[name] = given if inputs[name]["many"] else _single(name, given)
        else:
            found[name] = _value(name, given, properties.get(name), definitions)
    return found


def _value(name: str, given: Any, schema: Schema | None, definitions: Schema) -> Any:
    """A field's value; that of an unknown field stays a text, which is refused with the nearest name."""
    schemas = [] if schema is None else alternatives(schema, definitions)
    if isinstance(given, dict):
        of_object = next((one for one in schemas if one.get("type") == "object"), {})
        return _values(given, of_object, definitions, {})
    if not schemas:
        return given[0] if len(given) == 1 else given
    array = next((one for one in schemas if one.get("type") == "array"), None)
    try:
        if array is not None and (len(given) > 1 or len(schemas) == 1):
            return read_list(given, array, definitions)
        return read_text(_single(name, given), schemas, definitions)
    except (ValueError, RecursionError):
        raise refused(name, ", ".join(given), schemas, definitions) from None


def _single(name: str, given: list[str]) -> str:
    if len(given) > 1:
        raise InvalidParams(f"'{name}' is given {len(given)} times.", hint="Give it once.")
    return given[0]
