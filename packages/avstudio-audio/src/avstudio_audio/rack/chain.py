"""Chains of effects as users give them: effects, expressions or names of presets, checked."""

from __future__ import annotations

import json
from functools import cache
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, TypeAdapter, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from avstudio_audio.rack.catalogue import MOST_EFFECTS, AnyEffect
from avstudio_audio.rack.expression import effect_type, parsed
from avstudio_audio.rack.presets import PRESETS
from avstudio_core import Artifact
from avstudio_core.errors import InvalidInput
from avstudio_core.nearest import did_you_mean
from avstudio_core.quotes import quoted
from avstudio_core.refusal import refusal

LARGEST_FILE = 1_000_000
"""Bytes."""


def read(given: Any) -> Any:
    """Effects as plain values, from a list of effects and expressions. Raises `PydanticCustomError`."""
    items = [given] if isinstance(given, str) else given
    if not isinstance(items, list | tuple):
        return given
    plain = {str(name): text for name, text in PRESETS.items()}
    found: list[Any] = []
    for item in items:
        found += parsed(item, plain) if isinstance(item, str) else [item]
    if (count := sum(map(_checked, found))) > MOST_EFFECTS:
        raise refusal(f"The chain has {count} effects", f"Give at most {MOST_EFFECTS}.")
    return found


def _checked(given: Any) -> int:
    """Check the names of an effect and of its parameters, and count the effects. Raises `PydanticCustomError`."""
    if not isinstance(given, dict):
        return 1
    if "type" not in given:
        raise refusal(f"The effect {quoted(given)} has no type", 'Write it as {"type": "reverb"}.')
    kind = effect_type(given["type"])
    for name in given:
        if name not in kind.model_fields:
            known = [one for one in kind.model_fields if one != "type"]
            hint = did_you_mean(str(name), known) or f"It has: {', '.join(known)}."
            raise refusal(f"The effect '{given['type']}' does not have the parameter {quoted(name)}", hint)
    branches = given.get("branches")
    inner = [branch for branch in branches if isinstance(branch, list | tuple)] if isinstance(branches, list) else []
    return 1 + sum(_checked(one) for branch in inner for one in branch)


class _TextToo:
    """Tells in the JSON Schema of a list of effects that an item may be an expression."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        if "items" in schema:
            expression = {"type": "string", "description": "Effects as text, or the name of a preset."}
            schema["items"] = {"anyOf": [schema["items"], expression]}
        return schema


Chain = Annotated[list[AnyEffect], Field(max_length=MOST_EFFECTS), BeforeValidator(read), _TextToo]
"""A list of effects; some may be given as text."""


def effects_of(given: Any) -> list[AnyEffect]:
    """The effects in an expression, or in a list of effects and expressions. Raises `pydantic.ValidationError`."""
    return _adapter().validate_python(given)


@cache
def _adapter() -> TypeAdapter[list[AnyEffect]]:
    return TypeAdapter(Chain)


def read_file(file: Artifact) -> list[AnyEffect]:
    """The chain in a file: a JSON list of effects, or an expression. Raises `InvalidInput`."""
    name = quoted(file.name)
    if file.size > LARGEST_FILE:
        raise InvalidInput(f"{name} is too large for a chain of effects.", hint="Give a file with effects.")
    try:
        text = file.path.read_text(encoding="utf-8-sig")
        return effects_of(json.loads(text) if text.lstrip().startswith("[") else text)
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"{part}." for part in first["loc"]).rstrip(".")
        message = f"{name}: {place + ': ' if place else ''}{first['msg'].removeprefix('Value error, ')}"
        raise InvalidInput(message.rstrip(".") + ".", hint=str(first.get("ctx", {}).get("hint", ""))) from None
    except (ValueError, RecursionError):
        hint = "Give a JSON list of effects, or a text such as 'highpass 80, reverb 0.5'."
        raise InvalidInput(f"{name} is not a chain of effects.", hint=hint) from None
