"""How errors look in OpenAI's protocol."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel

from avstudio_core.errors import InvalidParams, NotFound


class OpenAIErrorDetails(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str
    request_id: str


class OpenAIError(BaseModel):
    """An error in OpenAI's form."""

    error: OpenAIErrorDetails


ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": OpenAIError, "description": "The request is refused."},
    "5XX": {"model": OpenAIError, "description": "The request failed."},
}
"""The errors that every route may answer with."""


@contextmanager
def about(param: str) -> Iterator[None]:
    """What is not found within is the value of a field."""
    try:
        yield
    except NotFound as error:
        error.param = error.param or param
        raise


def refusal(param: str, message: str, hint: str = "") -> InvalidParams:
    """An error that names the field that is not valid."""
    error = InvalidParams(message, hint=hint)
    error.param = param
    return error
