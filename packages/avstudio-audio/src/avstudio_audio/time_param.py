"""Times that parameters name: seconds, or text such as `1:30`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler

from avstudio_core.errors import InvalidParams
from avstudio_core.spans import span_of

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


def seconds(given: Any) -> Any:
    """Text with minutes or hours as seconds, and anything else as it is given. Raises `ValueError`."""
    if not isinstance(given, str) or ":" not in given:
        return given
    try:
        return span_of(f"{given}-")[0]
    except InvalidParams:
        raise ValueError("it is not a time such as '90.5', '1:30' or '1:02:03.5'") from None


class _TextToo:
    """Tells in the JSON Schema that the time may be text."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        number = handler(core)
        return {"anyOf": [number, {"type": "string"}]} if handler.mode == "validation" else number


Time = Annotated[float, Field(ge=0), BeforeValidator(seconds), _TextToo]
"""Seconds; text may have minutes and hours."""
