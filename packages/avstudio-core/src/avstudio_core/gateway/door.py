"""How a studio's users, its plugins and its runs reach language models."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel

from avstudio_core.answers import ChatAnswer, Embedding
from avstudio_core.chat import ChatRequest, EmbedRequest, Message
from avstudio_core.errors import TaskCancelled
from avstudio_core.gateway.gateway import Gateway
from avstudio_core.gateway.loop import LoopThread
from avstudio_core.gateway.streams import Stream
from avstudio_core.model_requests import Ask, Response, Tell, problem
from avstudio_core.route_decision import Candidate, RouteDecision

Prompt = str | Sequence[Message] | ChatRequest


class Door:
    """Language models for callers with an event loop (`achat`) and without one (`chat`).

    The ledger reserves the cost of every call, and records what it did cost. `options` are those of `ChatRequest.of`.
    """

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._loop = LoopThread()

    def chat(self, prompt: Prompt, /, **options: Any) -> ChatAnswer:
        """Call a model and wait for the answer. Raises `ModelError`s, `OverBudget`, `EgressRefused`, `InvalidInput`."""
        return self._loop.run(self.gateway.chat(ChatRequest.of(prompt, **options)))

    async def achat(self, prompt: Prompt, /, **options: Any) -> ChatAnswer:
        """`chat` on the caller's event loop."""
        return await self.gateway.chat(ChatRequest.of(prompt, **options))

    def stream(self, prompt: Prompt, /, **options: Any) -> Stream:
        """Call a model, and get the answer as it arrives."""
        request = ChatRequest.of(prompt, **options)
        return Stream(lambda: self.gateway.stream(request), self._loop)

    def embed(self, texts: str | Sequence[str], /, **options: Any) -> Embedding:
        """Convert texts to vectors."""
        return self._loop.run(self.gateway.embed(EmbedRequest.of(texts, **options)))

    async def aembed(self, texts: str | Sequence[str], /, **options: Any) -> Embedding:
        """`embed` on the caller's event loop."""
        return await self.gateway.embed(EmbedRequest.of(texts, **options))

    def route(self, prompt: Prompt, /, **options: Any) -> RouteDecision:
        """The model that would answer, with the reason and the cost; no model is called. Raises `NoModel`."""
        return self._loop.run(self.gateway.route(ChatRequest.of(prompt, **options)))

    def models(self) -> list[Candidate]:
        """Every known model, with the obstacle to using it now."""
        return self._loop.run(self.gateway.models())

    def ask(self, ask: Ask, tell: Tell) -> Callable[[], None]:
        """Answer the request of a run: `tell` is called on the gateway's thread. The returned function cancels it."""
        pending = self._loop.start(self._answer(ask, tell))

        def give_up() -> None:
            pending.cancel()

        return give_up

    def close(self) -> None:
        self._loop.run(self.gateway.close())
        self._loop.close()

    async def _answer(self, ask: Ask, tell: Tell) -> None:
        """Answer a run; every outcome must reach it, or it would wait for ever."""
        try:
            made = await self._made(ask, tell)
            response = Response(ask=ask.id, answer=made.model_dump(mode="json"))
        except asyncio.CancelledError:
            tell(problem(ask, TaskCancelled("The request was cancelled: its studio is closing.")))
            raise
        except BaseException as error:
            tell(problem(ask, error))
        else:
            tell(response)

    async def _made(self, ask: Ask, tell: Tell) -> BaseModel:
        if ask.verb == "embed":
            return await self.gateway.embed(EmbedRequest.model_validate(ask.request))
        if ask.verb == "route":
            return await self.gateway.route(ChatRequest.model_validate(ask.request))
        return await self._streamed(ask, tell)

    async def _streamed(self, ask: Ask, tell: Tell) -> ChatAnswer:
        request = ChatRequest.model_validate(ask.request)
        if request.answer_schema is not None:  # an answer that may be repaired is not streamed
            return await self.gateway.chat(request)
        stream = Stream(lambda: self.gateway.stream(request), self._loop)
        async for delta in stream:
            if delta.text:
                tell(Response(ask=ask.id, text=delta.text))
        return stream.answer
