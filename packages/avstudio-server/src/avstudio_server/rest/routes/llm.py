"""Language models: an answer as a stream of events, and the list of models. `/llm/chat` is a processor's route."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import Depends
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.requests import Request

from avstudio_core import Candidate
from avstudio_core.chat import ChatRequest
from avstudio_core.errors import AVStudioError
from avstudio_server.http.answers import request_id
from avstudio_server.http.caller import CallerSession
from avstudio_server.http.problems import problem_of
from avstudio_server.rest.nouns import routes_of
from avstudio_server.views.language_models import known_models

router = routes_of("llm")


class ChatBody(BaseModel):
    """A request to a language model: a prompt or messages, and options such as `model` and `require_local`."""

    model_config = ConfigDict(extra="allow")

    prompt: str | None = Field(default=None, min_length=1, description="The text of one message.")
    messages: list[dict[str, JsonValue]] | None = Field(default=None, min_length=1, description="A conversation.")

    def request(self) -> ChatRequest:
        """Raises `InvalidParams`, and `NotFound` for an unknown option."""
        options: dict[str, Any] = dict(self.model_extra or {})
        return ChatRequest.of(self.prompt if self.messages is None else self.messages, **options)  # type: ignore[arg-type]


class ModelList(BaseModel):
    """Every known model, with the obstacle to using it now."""

    models: list[Candidate]


async def _request(given: ChatBody, session: CallerSession) -> ChatRequest:
    """The request, before the stream begins. Raises the errors of `ChatBody.request`, and `NotAllowed`."""
    session.principal.require("chat")
    return given.request()


@router.post("/stream", response_class=EventSourceResponse)
async def stream(
    request: Annotated[ChatRequest, Depends(_request)], http: Request, session: CallerSession
) -> AsyncIterator[ServerSentEvent]:
    """Answer a request token by token: events `llm.token`, then `llm.answer` with the cost, or `error`."""
    name = request_id(http)
    answer = session.stream(request)
    try:
        async with aclosing(aiter(answer)) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                yield _event("llm.token", {"request_id": name, "token": piece.text, "done": False})
    except AVStudioError as error:
        yield _event("error", problem_of(error, name))
        return
    yield _event("llm.token", {"request_id": name, "token": "", "done": True})
    yield _event("llm.answer", answer.answer.model_dump(mode="json"))


def _event(kind: str, data: Any) -> ServerSentEvent:
    return ServerSentEvent(data=data, event=kind)


@router.get("/models")
async def models(session: CallerSession) -> ModelList:
    """Every known model, with its price tier and what it can, and the obstacle to using it now."""
    return ModelList(models=await asyncio.to_thread(known_models, session))
