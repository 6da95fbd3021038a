"""How a run asks a language model: through its studio, which holds the keys, the budgets and the policy."""

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
"""How often a run that waits for a model checks whether it must stop."""
LONGEST_WORDS = 300
"""Characters of a foreign exception that are repeated."""


Verb = Literal["chat", "embed", "route"]


class Ask(BaseModel):
    """A request on its way from a run to its studio."""

    id: str
    verb: Verb
    request: dict[str, JsonValue]


class Response(BaseModel):
    """One message that comes back: a piece of text, or at the end the answer or an error."""

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
"""Takes a request and a callback for its replies; the function that it returns gives the request up."""


def asked(
    asker: Asker,
    verb: Verb,
    request: dict[str, JsonValue],
    *,
    check: Callable[[], None],
    on_text: Callable[[str], None] | None = None,
) -> dict[str, JsonValue]:
    """Ask and wait; `check` raises when the run must stop. Raises the error that the request ended with."""
    pieces: SimpleQueue[Response] = SimpleQueue()
    give_up = asker(Ask(id=new_id("ask"), verb=verb, request=request), pieces.put)
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
    """An error as the response that carries it to the run; a foreign one is logged, and sent as text."""
    if isinstance(error, AVStudioError):
        text = getattr(error, "text", "")
        return Response(ask=ask.id, code=error.code, message=error.message, hint=error.hint, text=text)
    LOG.error("A request to a language model failed.", exc_info=error)
    return Response(ask=ask.id, code=ModelError.code, message=f"The request failed: {_words(error)}.")


def _words(error: BaseException) -> str:
    """A foreign exception's text on one line; the `__str__` of some raises."""
    try:
        said = " ".join(str(error).split())
    except Exception:
        said = ""
    return f"{type(error).__name__}: {said[:LONGEST_WORDS]}" if said else type(error).__name__
