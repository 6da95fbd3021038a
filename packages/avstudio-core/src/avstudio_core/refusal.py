"""The errors of validators of parameters, with their hints apart."""

from __future__ import annotations

from pydantic_core import PydanticCustomError

OF_A_VALUE = "refused_value"


def refusal(message: str, hint: str) -> PydanticCustomError:
    """An error whose message and hint users see as they are; it is a `ValueError`, as pydantic wants."""
    return PydanticCustomError("refused", "{message}", {"message": message, "hint": hint})


def value_refusal(message: str, hint: str) -> PydanticCustomError:
    """The same for a value, whose parameter users see before the message."""
    return PydanticCustomError(OF_A_VALUE, "{message}", {"message": message, "hint": hint})
