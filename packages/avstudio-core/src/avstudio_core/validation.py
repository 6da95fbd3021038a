"""What a validation found, said to a person."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError


def problems(error: ValidationError, declared: type[BaseModel] | None = None) -> str:
    """What a validation found, in one line: the value in quotes, the rule, and what the field means."""
    found = []
    for one in error.errors():
        place = ".".join(str(part) for part in one["loc"]) or "value"
        field = declared.model_fields.get(str(one["loc"][0])) if declared and one["loc"] else None
        meaning = f" ({field.description})" if field is not None and field.description else ""
        rule = one["msg"].removeprefix("Value error, ").removeprefix("Input ").rstrip(".")
        found.append(f"'{place}' is '{_shown(one['input'])}': {rule[:1].lower()}{rule[1:]}{meaning}")
    return "; ".join(found)


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
