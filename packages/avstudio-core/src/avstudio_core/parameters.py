"""The parameters of processors: read from text or values, and validated."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError, create_model
from pydantic_core import to_jsonable_python

from avstudio_core.artifact import Artifact
from avstudio_core.errors import InvalidParams, PluginError
from avstudio_core.guard import one_line
from avstudio_core.kinds.processor import Processor
from avstudio_core.names import is_encodable
from avstudio_core.nearest import did_you_mean
from avstudio_core.quotes import quoted
from avstudio_core.results import Params
from avstudio_core.validation import hint_of, problems

MOST_KNOWN = 2_000_000
"""The most characters of parameters that are remembered; each object counts as `OBJECT` more."""
OBJECT = 1000


def parameters(
    processor: Processor[Any, Any], given: Mapping[str, Any], locate: Callable[[str], Path] | None = None
) -> Params:
    """The validated parameters of a processor. Raises `InvalidParams`.

    `locate` returns where the content of a file with that sha256 is, for files that were stored as JSON.
    """
    return _validated(processor, processor.params_type, given, locate)


def _validated(
    processor: Processor[Any, Any],
    declared: type[Params],
    given: Mapping[str, Any],
    locate: Callable[[str], Path] | None = None,
) -> Params:
    _refuse_unknown(processor, given)
    values = {name: _structured(declared, name, value) for name, value in given.items()}
    for name, value in values.items():
        if not _encodable(value):
            raise InvalidParams(f"{processor.name}: {quoted(name)} is {quoted(value)}, which is not valid in UTF-8.")
    try:
        made = declared.model_validate(values, context=locate)
    except ValidationError as error:
        hint = hint_of(error)
        message = f"{processor.name}: {problems(error, declared)}{'.' if hint else ''}"
        raise InvalidParams(message, hint=hint) from None
    except KeyboardInterrupt:  # from the user
        raise
    except BaseException as error:  # a validator is foreign code, and may even exit
        raise PluginError(f"The parameters of '{processor.name}' could not be validated: {one_line(error)}.") from error
    for place in _numbers_from_booleans(values, made):
        raise InvalidParams(f"{processor.name}: {quoted(place)} is a boolean: should be a number.")
    return made


def _numbers_from_booleans(given: Any, made: Any, place: str = "") -> Iterator[str]:
    """Where `True` or `False` was given for a number: pydantic takes them for 1 and 0."""
    if isinstance(given, bool):
        if isinstance(made, int | float) and not isinstance(made, bool):
            yield place
    elif isinstance(given, Mapping) and isinstance(made, BaseModel | Mapping):
        for name, value in given.items():
            inside = made.get(name) if isinstance(made, Mapping) else getattr(made, str(name), None)
            yield from _numbers_from_booleans(value, inside, f"{place}.{name}".lstrip("."))
    elif isinstance(given, list | tuple) and isinstance(made, list | tuple) and len(given) == len(made):
        for number, (value, inside) in enumerate(zip(given, made, strict=True)):
            yield from _numbers_from_booleans(value, inside, f"{place}.{number}")


def _refuse_unknown(processor: Processor[Any, Any], names: Iterable[str]) -> None:
    """Raises `InvalidParams` for a name that no parameter has."""
    fields = processor.params_type.model_fields
    for name in names:
        if name not in fields:
            hint = did_you_mean(name, fields) or f"It has: {', '.join(fields) or 'none'}."
            raise InvalidParams(f"{processor.name} does not have a parameter {quoted(name)}.", hint=hint)


def planned(processor: Processor[Any, Any], given: Mapping[str, Any], later: Collection[str]) -> Params:
    """The parameters of a processor, of which some are only known later: these have their defaults, or `None`.

    Raises `InvalidParams`, also for unknown names among `later`.
    """
    _refuse_unknown(processor, later)
    declared = processor.params_type
    required = frozenset(name for name in later if declared.model_fields[name].is_required())
    return _validated(processor, _without(declared, required) if required else declared, given)


@lru_cache(maxsize=256)
def _without(declared: type[Params], names: frozenset[str]) -> type[Params]:
    """The same parameters, of which some may be missing."""
    missing: dict[str, Any] = dict.fromkeys(names, (Any, None))
    return create_model(declared.__name__, __base__=declared, **missing)


def written(processor: Processor[Any, Any], params: Params, *, given: bool = False) -> dict[str, Any]:
    """Validated parameters as plain JSON, all of them or those that were `given`. Raises `PluginError`."""
    try:
        return params.model_dump(mode="json", exclude_unset=given)
    except KeyboardInterrupt:  # from the user
        raise
    except BaseException as error:  # a serializer is foreign code, and a value may have no JSON form
        raise PluginError(f"The parameters of '{processor.name}' could not be stored: {one_line(error)}.") from error


class StoredParams:
    """Parameters as a studio stores them; those that it has validated lately are not validated again when read."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Params] = {}
        self._size = 0
        self._changing = threading.Lock()

    def text(self, processor: Processor[Any, Any], params: Params) -> str:
        """Validated parameters as text."""
        text = json.dumps(written(processor, params), separators=(",", ":"))
        with self._changing:
            if (processor.name, text) not in self._known:
                self._known[processor.name, text] = params
                self._size += len(text) + OBJECT
            while self._size > MOST_KNOWN:
                oldest = next(iter(self._known))
                del self._known[oldest]
                self._size -= len(oldest[1]) + OBJECT
        return text

    def read(self, processor: Processor[Any, Any], text: str, locate: Callable[[str], Path]) -> Params:
        """Parameters from their text. Raises `InvalidParams`: those of another studio may not be valid here."""
        known = self._known.get((processor.name, text))
        return parameters(processor, json.loads(text), locate) if known is None else known


def _encodable(value: Any) -> bool:
    """Whether all text in a value can be stored."""
    if isinstance(value, str):
        return is_encodable(value)
    if isinstance(value, Mapping):
        return all(_encodable(key) and _encodable(one) for key, one in value.items())
    return all(map(_encodable, value)) if isinstance(value, list | tuple) else True


def _structured(declared: type[Params], name: str, value: Any) -> Any:
    """The value of a field from text: a list is split at its commas, none is empty, and a structure is read as JSON."""
    if not isinstance(value, str) or (kinds := _structures(declared).get(name)) is None:
        return value
    if value.lstrip()[:1] in ("{", "["):
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(value)
    return items(value) if "array" in kinds else value


def in_list(declared: type[Params], name: str, value: Any) -> Any:
    """The value of an earlier result, as the only item of a list if the parameter takes nothing but lists."""
    is_list = name in _only_lists(declared)
    return value if value is None or isinstance(value, list) or not is_list else [value]


@lru_cache(maxsize=1024)
def _only_lists(declared: type[Params]) -> set[str]:
    schema = declared.model_json_schema()
    kinds = {name: json_types(one, schema.get("$defs", {})) for name, one in schema["properties"].items()}
    return {name for name, kind in kinds.items() if kind - {"null"} == {"array"}}


def items(text: str) -> list[str]:
    """The items of a list that is written as text, with commas between them."""
    return [item.strip() for item in text.split(",")] if text.strip() else []


@lru_cache(maxsize=1024)
def _structures(declared: type[Params]) -> dict[str, set[str]]:
    """The parameters that are lists or structures, and which of the two; cached, since pydantic takes milliseconds."""
    schema = declared.model_json_schema()
    found = {name: json_types(one, schema.get("$defs", {})) for name, one in schema["properties"].items()}
    return {name: kinds & {"array", "object"} for name, kinds in found.items() if kinds & {"array", "object"}}


def json_types(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> set[str]:
    """The JSON types that a schema allows; empty for any."""
    found = {schema["type"]} if "type" in schema else set()
    if "$ref" in schema:
        found |= json_types(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    for one in (*schema.get("anyOf", ()), *schema.get("allOf", ())):
        found |= json_types(one, definitions)
    return found


def plain(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as JSON values: paths as text, files as the ids of artifacts, sets and tuples as lists.

    Raises `InvalidParams` for a value without an end.
    """
    found = {}
    for name, value in params.items():
        try:
            found[name] = _plain_value(value)
        except RecursionError:
            raise InvalidParams(f"{quoted(name)} is nested too deeply.") from None
    return found


def _plain_value(value: Any) -> Any:
    if isinstance(value, Artifact):
        return value.id
    if isinstance(value, tuple | list | set | frozenset):
        return [_plain_value(item) for item in value]
    try:
        return to_jsonable_python(value, fallback=lambda other: other)
    except ValueError:  # the validation tells what is wrong
        return value
