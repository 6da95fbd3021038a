"""Requests of a run to its studio, which has the keys, budgets, policy and network: to language models, for weights."""

from __future__ import annotations

import logging
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Literal

from pydantic import BaseModel, JsonValue

from avstudio_core.artifact import new_id
from avstudio_core.errors import AVStudioError, ModelError, by_code

LOG = logging.getLogger(__name__)

CHECK_SECONDS = 0.1
"""How often a run that waits for a model checks for cancellation, in seconds."""
LONGEST_WORDS = 300
"""The most characters of a foreign exception in a message."""


Verb = Literal["chat", "embed", "route", "weights"]


class Ask(BaseModel):
    """A request from a run to its studio."""

    id: str
    verb: Verb
    request: dict[str, JsonValue]
    number: int = 0
    """How many equal requests the run has sent before."""


class Response(BaseModel):
    """A message from the studio: a piece of text, or at the end the answer or an error."""

    ask: str
    text: str = ""
    answer: dict[str, JsonValue] | None = None
    code: str = ""
    message: str = ""
    hint: str = ""

    @property
    def last(self) -> bool:
        return self.answer is not None or bool(self.code)


Tell = Callable[[Response], None]
Asker = Callable[[Ask, Tell], Callable[[], None]]
"""Takes a request and a callback for its responses, and returns a function that cancels the request."""


def asked(
    asker: Asker,
    verb: Verb,
    request: dict[str, JsonValue],
    *,
    number: int = 0,
    check: Callable[[], None],
    on_text: Callable[[str], None] | None = None,
) -> dict[str, JsonValue]:
    """Send a request, and wait; `check` raises an error if the run must stop. Raises the error of the request.

    `number` counts the equal requests before it.
    """
    pieces: SimpleQueue[Response] = SimpleQueue()
    give_up = asker(Ask(id=new_id("ask"), verb=verb, request=request, number=number), pieces.put)
    try:
        while True:
            check()
            try:
                response = pieces.get(timeout=CHECK_SECONDS)
            except Empty:
                continue
            if response.code:
                raise by_code(response.code, response.message, hint=response.hint, text=response.text)
            if response.answer is not None:
                return response.answer
            if on_text is not None:
                on_text(response.text)
    finally:
        give_up()


def problem(ask: Ask, error: BaseException) -> Response:
    """The response for an error; a foreign exception is logged, and sent as text."""
    if isinstance(error, AVStudioError):
        text = getattr(error, "text", "")
        return Response(ask=ask.id, code=error.code, message=error.message, hint=error.hint, text=text)
    LOG.error("A request to a language model failed.", exc_info=error)
    return Response(ask=ask.id, code=ModelError.code, message=f"The request failed: {_words(error)}.")


def _words(error: BaseException) -> str:
    """The message of a foreign exception on one line; it may not be readable."""
    try:
        message = " ".join(str(error).split())
    except Exception:
        message = ""
    return f"{type(error).__name__}: {message[:LONGEST_WORDS]}" if message else type(error).__name__
