"""Times that parameters name: seconds, or text such as `1:30`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from avstudio_core.errors import InvalidParams
from avstudio_core.spans import span_of

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue


def seconds(given: Any) -> Any:
    """Text with minutes or hours as seconds, and anything else as it is given. Raises `ValueError`."""
    if not isinstance(given, str) or ":" not in given:
        return given
    text = given.strip()
    try:
        found = span_of(f"{text.removeprefix('-')}-")[0]
        return -found if text.startswith("-") else found
    except InvalidParams:
        raise ValueError("it is not a time such as '90.5', '1:30' or '1:02:03.5'") from None


class ClockToo:
    """Annotates seconds, after their bounds: text with minutes and hours is accepted, too."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(seconds, handler(source))

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        number = handler(core)
        return {"anyOf": [number, {"type": "string"}]} if handler.mode == "validation" else number


Time = Annotated[float, Field(ge=0), ClockToo]
"""Seconds from the start; text may have minutes and hours."""
