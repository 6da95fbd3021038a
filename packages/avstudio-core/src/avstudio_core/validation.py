"""Errors of validation as messages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from avstudio_core.quotes import quoted
from avstudio_core.refusal import OF_A_VALUE

LONGEST_VALUE = 60
MOST_SAID = 20
"""The most errors of one validation that are told; of the others, only the number."""
_MISSING, _UNKNOWN, _RULE = "missing", "extra_forbidden", "value_error"
_PLAIN = {
    "bool_parsing": "should be true or false",
    "bool_type": "should be true or false",
    "dict_type": "should be an object",
    "float_parsing": "should be a number",
    "float_type": "should be a number",
    "frozen_set_type": "should be a list",
    "greater_than": "should be above {gt:.15g}",
    "greater_than_equal": "should be at least {ge:.15g}",
    "int_from_float": "should be a whole number",
    "int_parsing": "should be a whole number",
    "int_type": "should be a whole number",
    "less_than": "should be below {lt:.15g}",
    "less_than_equal": "should be at most {le:.15g}",
    "list_type": "should be a list",
    "missing": "is missing",
    "model_attributes_type": "should be an object",
    "model_type": "should be an object",
    "string_pattern_mismatch": "should match '{pattern}'",
    "string_too_long": "should have at most {max_length} characters",
    "string_too_short": "should have at least {min_length} characters",
    "string_type": "should be text",
    "too_long": "should have at most {max_length} entries",
    "too_short": "should have at least {min_length} entries",
    "tuple_type": "should be a list",
}
"""Simpler words for some of pydantic's errors, with values of their context."""
_ALTERNATIVE = re.compile(r"str|int|float|bool|[\w-]+\[.*\]", re.DOTALL)
"""How pydantic names an alternative of a union, as the last part of an error's place."""


def problems(error: ValidationError, declared: type[BaseModel] | None = None) -> str:
    """The errors of a validation in one line: the value in quotes, the rule, and the field's description."""
    found = error.errors(include_url=False)
    return told(found[:MOST_SAID], len(found), declared)


def told(first: Sequence[ErrorDetails], count: int, declared: type[BaseModel] | None = None) -> str:
    """The first errors of a validation in one line, and the number of the others."""
    inner = [one for one in first if not any(_within(other["loc"], one["loc"]) for other in first)]
    more = [f"and {count - len(first)} more"] if count > len(first) else []
    return "; ".join([*(said(one, declared) for one in _united(inner)), *more])


def _united(errors: Sequence[ErrorDetails]) -> Iterator[ErrorDetails]:
    """The errors; those about the alternatives of one value become one."""
    groups: dict[tuple[int | str, ...], list[ErrorDetails]] = {}
    for one in errors:
        place = one["loc"]
        united = len(place) > 1 and _ALTERNATIVE.fullmatch(str(place[-1])) is not None
        groups.setdefault(place[:-1] if united else place, []).append(one)
    for place, group in groups.items():
        hinted = [one for one in group if "hint" in one.get("ctx", {})]
        if hinted:
            yield {**hinted[0], "loc": place}
        elif len(group) == 1:
            yield group[0]
        else:
            rules = dict.fromkeys(rule_of(one).removeprefix("should be ") for one in group)
            yield {"type": "union", "loc": place, "msg": f"should be {' or '.join(rules)}", "input": group[0]["input"]}


def rule_of(one: ErrorDetails) -> str:
    """What a value should be, such as `should be a whole number`."""
    context = one.get("ctx", {})
    if context.get("min_length") == 1:
        return "should not be empty"
    if plain := _PLAIN.get(one["type"]):
        return plain.format_map(context).replace(" 1 entries", " 1 entry").replace(" 1 characters", " 1 character")
    return one["msg"].removeprefix("Value error, ").removeprefix("Input ").rstrip(".")


def hint_of(error: ValidationError) -> str:
    """The first hint that a validator gives with its error, as `hint` in the context of a `PydanticCustomError`."""
    errors = error.errors(include_url=False)
    return next((str(one["ctx"]["hint"]) for one in errors if "hint" in one.get("ctx", {})), "")


def _within(place: tuple[int | str, ...], whole: tuple[int | str, ...]) -> bool:
    """Whether one place is inside another, whose error is then only a consequence of the inner one."""
    return len(place) > len(whole) and place[: len(whole)] == whole


def said(one: ErrorDetails, declared: type[BaseModel] | None = None) -> str:
    """One error: the place and the value in quotes, the rule, and the field's description."""
    place = ".".join(str(part) for part in one["loc"]) or "value"
    if "hint" in one.get("ctx", {}):
        text = one["msg"].rstrip(".")
        return f"{quoted(place)} is not valid: {text[:1].lower()}{text[1:]}" if one["type"] == OF_A_VALUE else text
    field = declared.model_fields.get(str(one["loc"][0])) if declared and one["loc"] else None
    inside = any(isinstance(part, str) for part in one["loc"][1:])  # then the place names an inner field
    meaning = f" ({field.description})" if field is not None and field.description and not inside else ""
    if one["type"] == _MISSING:
        return f"{quoted(place)} is missing{meaning}"
    if one["type"] == _UNKNOWN:
        return f"{quoted(place)} {_value(one['input'])}: no such field is known"
    rule = rule_of(one)
    if not one["loc"] and one["type"] == _RULE:  # it is about several fields, and names them
        return rule
    return f"{quoted(place)} {_value(one['input'], rule)}: {rule[:1].lower()}{rule[1:]}{meaning}"


def _value(given: object, rule: str = "") -> str:
    """What was given, as it is written in JSON; a rule about one item of a list quotes that item itself."""
    if isinstance(given, list) and rule.startswith("'"):
        return "is not valid"
    return f"is {quoted(_as_json(given), LONGEST_VALUE)}"


def _as_json(given: object) -> object:
    if isinstance(given, bool | list | dict):
        with suppress(TypeError, ValueError, RecursionError):
            return json.dumps(given, ensure_ascii=False)
    return given
