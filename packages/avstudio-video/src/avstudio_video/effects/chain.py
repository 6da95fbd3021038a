"""Chains of effects as users give them: as JSON, or as text such as `trim 5 20, crop 9:16, scale height=1280`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, TypeAdapter, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from avstudio_core import Artifact
from avstudio_core.errors import InvalidInput
from avstudio_core.nearest import did_you_mean
from avstudio_core.quotes import quoted
from avstudio_core.refusal import refusal
from avstudio_video.effects.catalogue import EFFECTS, MOST_EFFECTS, AnyEffect
from avstudio_video.effects.effect import Effect

LARGEST_FILE = 1_000_000
"""Bytes."""
QUOTED = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)""")
"""What quotes and backslashes protect, as in a shell."""
WORD = re.compile(rf"""(?:{QUOTED.pattern}|[^\s"',\\])+""")
SEPARATOR = re.compile(r"\s*[,\n]\s*|\s+|$")
NUMBER = re.compile(r"([+\-−]?(?:\d+\.?\d*|\.\d+))(s|ms|px|%|°|deg|x|db|k|ev|fps)?", re.IGNORECASE)
FACTORS = {"ms": 0.001, "%": 0.01}
ESCAPES = {"n": "\n"}
"""In double quotes."""
COMMA = "Put commas between effects."
HELP = "Write effects as 'trim 5 20, crop 9:16, scale height=1280'."
OPEN = """Close each quote, and write an apostrophe in double quotes: text "It's here"."""


def effect_type(name: Any) -> type[Effect]:
    """The effect with a name. Raises `PydanticCustomError`."""
    if isinstance(name, str) and (found := EFFECTS.get(name)):
        return found
    hint = did_you_mean(str(name), EFFECTS) or f"Choose from: {', '.join(EFFECTS)}."
    raise refusal(f"{quoted(name)} is not an effect", hint)


def parsed(text: str) -> list[dict[str, Any]]:
    """The effects of a text as plain values. Raises `PydanticCustomError`.

    Effects are separated by `,` or line breaks. An effect is its name, then values in the order of its parameters,
    `name=value`, and names of switches. Text with spaces is in quotes, as in a shell;
    the items of a list have `:` between them.
    """
    found, words, place = [], [], 0
    text = text.strip()
    while place < len(text):
        word = WORD.match(text, place)
        end = SEPARATOR.match(text, word.end()) if word else None
        if not word or not end:
            hint = OPEN if re.search("['\"]", text[place:]) else HELP
            raise refusal(f"{quoted(text[place:])} cannot be read as effects", hint)
        words.append(word[0])
        place = end.end()
        if end[0].strip() or "\n" in end[0] or place >= len(text):
            found.append(_effect(words))
            words = []
    return [*found, _effect(words)] if words else found


def _effect(words: list[str]) -> dict[str, Any]:
    name, kind = words[0], effect_type(words[0])
    found: dict[str, Any] = {"type": name}
    ordered = iter([one for one in kind.own() if one not in ("start", "end") or name == "trim"])
    for word in words[1:]:
        key, given, value = word.partition("=")
        if given and key.isidentifier():
            found[key] = _value(kind, key, value)
        elif word in kind.model_fields and kind.model_fields[word].annotation is bool:
            found[word] = True
        else:
            place = next((one for one in ordered if one not in found), None)
            if place is None:
                hint = COMMA if word in EFFECTS else _parameters(kind)
                raise refusal(f"The effect '{name}' does not have a place for {quoted(word)}", hint)
            found[place] = _value(kind, place, word)
    if missing := next(
        (one for one, field in kind.model_fields.items() if field.is_required() and one not in found), None
    ):
        raise refusal(f"The effect '{name}' needs '{missing}'", _parameters(kind))
    return found


def _value(kind: type[Effect], name: str, text: str) -> Any:
    """A value as pydantic takes it: numbers without their unit."""
    field = kind.model_fields.get(name)
    type_ = str(field.annotation) if field else ""
    if QUOTED.search(text):
        return QUOTED.sub(_unquoted, text)
    if "list" in type_:
        return text.split(":")
    return _number(text) if "float" in type_ or "int" in type_ else text


def _unquoted(found: re.Match[str]) -> str:
    if found[2]:
        return re.sub(r"\\(.)", lambda one: ESCAPES.get(one[1], one[1]), found[2])
    return found[1] or found[3] or ""


def _number(text: str) -> str | float:
    """A number without its unit, as text or changed to the usual unit; another text as it is."""
    if not (number := NUMBER.fullmatch(text)):
        return text
    plain, factor = number[1].replace("−", "-"), FACTORS.get((number[2] or "").lower())
    return float(plain) * factor if factor else plain


def written(effects: Sequence[Effect]) -> str:
    """A chain as text; only values that are not the usual ones are in it."""
    return ", ".join(map(_written, effects))


def _written(effect: Effect) -> str:
    words = [effect.type]
    for name, field in type(effect).model_fields.items():
        value = getattr(effect, name)
        if name != "type" and value != field.default:
            words.append(name if value is True else f"{name}={_text(value)}")
    return " ".join(words)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.12g}"
    text = ":".join(map(_text, value)) if isinstance(value, list) else str(value)
    if re.fullmatch(r"[\w.:#/-]+", text):
        return text
    escaped = text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'


def _parameters(kind: type[Effect]) -> str:
    return f"It has: {', '.join(kind.own())}."


def read(given: Any) -> Any:
    """Effects as plain values, from a list of effects and texts. Raises `PydanticCustomError`."""
    items = [given] if isinstance(given, str | dict) else given
    if not isinstance(items, list | tuple):
        return given
    found: list[Any] = []
    for is_text, group in groupby(items, lambda item: isinstance(item, str)):
        given = [*group]
        found += parsed(", ".join(given)) if is_text else given  # a text may have been split at a comma in quotes
    if len(found) > MOST_EFFECTS:
        raise refusal(f"The chain has {len(found)} effects", f"Give at most {MOST_EFFECTS}.")
    for one in found:
        _check(one)
    return found


def _check(given: Any) -> None:
    """Check the names of an effect and of its parameters. Raises `PydanticCustomError`."""
    if not isinstance(given, dict):
        return
    if "type" not in given:
        raise refusal(f"The effect {quoted(given)} has no type", 'Write it as {"type": "crop"}.')
    kind = effect_type(given["type"])
    for name in given:
        if name not in kind.model_fields:
            hint = did_you_mean(str(name), kind.own()) or _parameters(kind)
            raise refusal(f"The effect '{given['type']}' does not have the parameter {quoted(name)}", hint)


class _TextToo:
    """Tells in the JSON Schema of a list of effects that an item may be a text."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        if "items" in schema:
            schema["items"] = {"anyOf": [schema["items"], {"type": "string", "description": "Effects as text."}]}
        return schema


Chain = Annotated[list[AnyEffect], Field(max_length=MOST_EFFECTS), BeforeValidator(read), _TextToo]
"""A list of effects; some may be given as text."""


def effects_of(given: Any) -> list[AnyEffect]:
    """The effects in a text, or in a list of effects and texts. Raises `pydantic.ValidationError`."""
    return _adapter().validate_python(given)


@cache
def _adapter() -> TypeAdapter[list[AnyEffect]]:
    return TypeAdapter(Chain)


def read_file(file: Artifact) -> list[AnyEffect]:
    """The chain in a file: a JSON list of effects, or a text. Raises `InvalidInput`."""
    name = quoted(file.name)
    if file.size > LARGEST_FILE:
        raise InvalidInput(f"{name} is too large for a chain of effects.", hint="Give a file with effects.")
    try:
        text = file.path.read_text(encoding="utf-8-sig")
        return effects_of(json.loads(text) if text.lstrip().startswith("[") else text)
    except ValidationError as error:
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise InvalidInput(f"{name}: {message}.", hint=str(first.get("ctx", {}).get("hint", ""))) from None
    except (ValueError, RecursionError):
        raise InvalidInput(f"{name} is not a chain of effects.", hint=HELP) from None
