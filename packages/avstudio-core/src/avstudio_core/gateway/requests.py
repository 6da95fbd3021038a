"""A request as it comes in, and as a model gets it."""

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
"""Tokens of a cloud model's answer where the request sets no limit: what is not limited cannot be budgeted."""
MARGIN = 1.2
"""What a server counts of a prompt may be so much more than our estimate of it."""


def refuse_unreadable(request: Request) -> None:
    """Raise `InvalidInput` for a request without a word or with broken Unicode, and for an invalid schema."""
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
    """A request and the model it names; `auto:code` and `local/auto` are wishes, not names."""
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
    """The request as that model is to get it."""
    longest = longest_answer(request, model)
    if longest != request.max_tokens:
        request = request.model_copy(update={"max_tokens": longest})
    if request.answer_schema is not None and not model.can.json_schema:
        request = answer_schema.in_words(request)
    return _with_one_system_message(request)


def longest_answer(request: Request, model: Model, read: int | None = None) -> int | None:
    """The tokens that an answer may have; `None` where nothing but the model limits them.

    `read` is our estimate of the prompt's tokens, where it is known already.
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
    read = tokens.of_request(request)[0] if read is None else read
    return max(1, min(longest, model.can.context - int(read * MARGIN) - tokens.TURN * len(request.messages)))


def _with_one_system_message(request: ChatRequest) -> ChatRequest:
    """Instructions merged into one system message, the first: many templates allow no other."""
    system = [message for message in request.messages if message.role == "system"]
    if not system or (len(system) == 1 and request.messages[0] is system[0]):
        return request
    merged = Message(role="system", content="\n\n".join(message.text for message in system if message.text))
    rest = (message for message in request.messages if message.role != "system")
    return request.model_copy(update={"messages": (merged, *rest)})


def _texts(request: ChatRequest) -> Iterator[str]:
    """Every text of a request that a server is to read."""
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
