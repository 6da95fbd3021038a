"""How a run asks a language model: through its studio, where the keys, the budgets and the policy are."""

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
"""How often a run that waits for a model looks whether it is to stop."""
LONGEST_WORDS = 300
"""Characters of a foreign exception that are repeated."""


Verb = Literal["chat", "embed", "route"]


class Ask(BaseModel):
    """A request on its way from a run to its studio."""

    id: str
    verb: Verb
    request: dict[str, JsonValue]


class Told(BaseModel):
    """What comes back: pieces of text, and at the end the answer or an error."""

    ask: str
    text: str = ""
    answer: dict[str, JsonValue] | None = None
    code: str = ""
    message: str = ""

    @property
    def last(self) -> bool:
        return self.answer is not None or bool(self.code)


Tell = Callable[[Told], None]
Asker = Callable[[Ask, Tell], Callable[[], None]]
"""Takes a request and calls back with what comes of it; what it returns gives the request up."""


def asked(
    asker: Asker,
    verb: Verb,
    request: dict[str, JsonValue],
    *,
    check: Callable[[], None],
    on_text: Callable[[str], None] | None = None,
) -> dict[str, JsonValue]:
    """Ask and wait; `check` raises when the run is to stop. Raises the error that the studio met."""
    pieces: SimpleQueue[Told] = SimpleQueue()
    give_up = asker(Ask(id=new_id("ask"), verb=verb, request=request), pieces.put)
    try:
        while True:
            check()
            try:
                told = pieces.get(timeout=CHECK_SECONDS)
            except Empty:
                continue
            if told.code:
                raise by_code(told.code, told.message, text=told.text)
            if told.answer is not None:
                return told.answer
            if on_text is not None:
                on_text(told.text)
    finally:
        give_up()


def problem(ask: Ask, error: BaseException) -> Told:
    """An error, as it travels to the run; one that is not ours is logged with its traceback and travels as text."""
    if isinstance(error, AVStudioError):
        return Told(ask=ask.id, code=error.code, message=str(error), text=getattr(error, "text", ""))
    LOG.error("A request to a language model failed.", exc_info=error)
    return Told(ask=ask.id, code=ModelError.code, message=f"The request failed: {_words(error)}.")


def _words(error: BaseException) -> str:
    """What an exception of anybody says, on one line; some cannot even be shown."""
    try:
        said = " ".join(str(error).split())
    except Exception:
        said = ""
    return f"{type(error).__name__}: {said[:LONGEST_WORDS]}" if said else type(error).__name__
