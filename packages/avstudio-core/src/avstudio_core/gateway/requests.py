"""Checks a request, and prepares it for a model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import get_args

from avstudio_core import answer_schema, tokens
from avstudio_core.chat import ChatRequest, EmbedRequest, Message, TaskType
from avstudio_core.errors import InvalidInput, NotFound
from avstudio_core.language_models import Model

Request = ChatRequest | EmbedRequest

LONGEST_ANSWER = 8192
"""The limit of a cloud model's answer in tokens if the request sets none: budgets need a limit."""


def refuse_unreadable(request: Request) -> None:
    """Raise `InvalidInput` for a request without text or with invalid Unicode, and for an invalid schema."""
    if isinstance(request, EmbedRequest):
        if not all(text.strip() for text in request.texts):
            raise InvalidInput("A text to embed is empty.", hint="Leave it out.")
        _refuse_surrogates(request.texts)
        return
    if not any(message.text.strip() or message.images or message.tool_calls for message in request.messages):
        raise InvalidInput("The prompt is empty.", hint="Give some text.")
    _refuse_surrogates(_texts(request))
    if request.answer_schema is not None:
        answer_schema.check_schema(request.answer_schema)


def named_by(request: Request) -> tuple[Request, str]:
    """A request and the model that it names; `auto:code` and `local/auto` become wishes."""
    wish: dict[str, object] = {}
    if request.model == "local/auto":
        wish = {"require_local": True}
    elif request.model.startswith("auto:"):
        task = request.model.removeprefix("auto:")
        if task not in get_args(TaskType):
            raise NotFound.among("type of task", task, get_args(TaskType))
        wish = {"task_type": task}
    if not wish:
        return request, request.model
    return request.model_copy(update={"wishes": request.wishes.model_copy(update=wish)}), "auto"


def prepared(request: ChatRequest, model: Model) -> ChatRequest:
    """The request, adapted to a model."""
    longest = longest_answer(request, model)
    if longest != request.max_tokens:
        request = request.model_copy(update={"max_tokens": longest})
    if request.answer_schema is not None and not model.can.json_schema:
        request = answer_schema.in_words(request)
    return _with_one_system_message(request)


def longest_answer(request: Request, model: Model, read: int | None = None) -> int | None:
    """The limit of an answer in tokens; `None` if only the model limits it.

    `read` is the estimated number of tokens in the prompt, if it is already known.
    """
    if isinstance(request, EmbedRequest):
        return None
    longest = request.max_tokens
    if longest is None:
        if model.local:
            return None
        longest = min(LONGEST_ANSWER, model.can.output or LONGEST_ANSWER)
    if model.can.context is None:
        return longest
    return min(longest, tokens.room(request, model.can.context, read))


def _with_one_system_message(request: ChatRequest) -> ChatRequest:
    """The messages with all instructions merged into one system message at the start, as many templates require."""
    system = [message for message in request.messages if message.role == "system"]
    if not system or (len(system) == 1 and request.messages[0] is system[0]):
        return request
    merged = Message(role="system", content="\n\n".join(message.text for message in system if message.text))
    rest = (message for message in request.messages if message.role != "system")
    return request.model_copy(update={"messages": (merged, *rest)})


def _texts(request: ChatRequest) -> Iterator[str]:
    """Every text in a request."""
    for message in request.messages:
        yield message.text
        for call in message.tool_calls:
            yield _json([call.id, call.name, call.arguments])
    for tool in request.tools:
        yield _json([tool.description, tool.parameters])
    yield from request.stop
    if request.answer_schema is not None:
        yield _json(request.answer_schema)


def _refuse_surrogates(texts: Iterator[str] | tuple[str, ...]) -> None:
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            place = f"at character {error.start + 1}: '{ascii(text[error.start])[1:-1]}'"
            raise InvalidInput(f"The text contains a lone surrogate, {place}.", hint="Read it as UTF-8.") from None


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
