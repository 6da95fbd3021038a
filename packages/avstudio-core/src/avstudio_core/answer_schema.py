"""Answers that must follow a JSON Schema: request, parse, check."""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic import JsonValue

from avstudio_core.chat import ChatRequest, Message
from avstudio_core.errors import BadAnswer, InvalidParams

_FENCED = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL)


def check_schema(schema: dict[str, JsonValue]) -> None:
    """Raises `InvalidParams` for an invalid JSON Schema."""
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise InvalidParams(f"The answer's schema is not a valid JSON Schema: {error.message}") from None


def in_words(request: ChatRequest) -> ChatRequest:
    """The request with its schema in a message to the model, for servers that cannot enforce a schema."""
    text = f"Answer with JSON alone that fits this JSON Schema:\n{json.dumps(request.answer_schema)}"
    return request.model_copy(update={"messages": (*request.messages, Message(role="system", content=text))})


def repair(request: ChatRequest, answer: str, problem: str, seconds: float) -> ChatRequest:
    """A request for a corrected answer, with the wrong answer and its error, and the remaining seconds."""
    text = f"That does not fit the schema: {problem} Answer with the corrected JSON alone."
    turns = (Message(role="assistant", content=answer or "(nothing)"), Message(role="user", content=text))
    return request.model_copy(update={"messages": (*request.messages, *turns), "timeout": seconds})


def parsed(text: str, schema: dict[str, JsonValue]) -> JsonValue:
    """The answer as data. Raises `BadAnswer`, which says what does not follow the schema, and where."""
    from jsonschema import Draft202012Validator

    data = _read(text)
    error: Any = next(iter(Draft202012Validator(schema).iter_errors(data)), None)
    if error is not None:
        raise BadAnswer(f"At '{error.json_path}': {error.message}.")
    return data


def _read(text: str) -> JsonValue:
    fenced = _FENCED.search(text)
    try:
        data: JsonValue = json.loads(fenced[1] if fenced else text)
    except ValueError as error:
        raise BadAnswer(f"It is not JSON ({error}).") from None
    return data
