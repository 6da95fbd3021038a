"""How a run asks a language model: through its studio, where the keys, the budgets and the policy are."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Literal

from pydantic import BaseModel, JsonValue

from avstudio_core.artifact import new_id
from avstudio_core.errors import AVStudioError, by_code

CHECK_SECONDS = 0.1
"""How often a run that waits for a model looks whether it is to stop."""


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


def problem(ask: Ask, error: AVStudioError) -> Told:
    """An error, as it travels to the run."""
    return Told(ask=ask.id, code=error.code, message=str(error), text=getattr(error, "text", ""))
