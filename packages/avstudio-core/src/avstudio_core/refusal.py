"""The error of a validator of parameters, with its hint apart."""

from __future__ import annotations

from pydantic_core import PydanticCustomError


def refusal(message: str, hint: str) -> PydanticCustomError:
    """An error whose message and hint users see as they are; it is a `ValueError`, as pydantic wants."""
    return PydanticCustomError("refused", "{message}", {"message": message, "hint": hint})
