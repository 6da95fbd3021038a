"""How a studio's users, its plugins and its runs reach language models."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, JsonValue

from avstudio_core.answers import ChatAnswer, Embedding
from avstudio_core.chat import Account, ChatRequest, EmbedRequest, Message, Question, Usage
from avstudio_core.errors import TaskCancelled
from avstudio_core.gateway.gateway import Gateway
from avstudio_core.gateway.journal import Journal
from avstudio_core.gateway.loop import LoopThread
from avstudio_core.gateway.streams import Stream
from avstudio_core.language_models import Model
from avstudio_core.model_requests import Ask, Response, Tell, problem
from avstudio_core.names import checked
from avstudio_core.route_decision import Candidate, RouteDecision

Q = TypeVar("Q", bound=Question)
Prompt = str | Sequence[Message] | ChatRequest


class Door:
    """Language models for callers with an event loop (`achat`) and without one (`chat`).

    The ledger reserves the cost of every call, and records what it did cost. `options` are those of `ChatRequest.of`.
    """

    def __init__(self, gateway: Gateway, loop: LoopThread | None = None, account: Account | None = None) -> None:
        self._gateway = gateway
        self._loop = loop or LoopThread()
        self._account = account

    def paid_by(self, account: Account) -> Door:
        """The same models; this account pays for every call, whatever the options of a call are."""
        return Door(self._gateway, self._loop, account)

    def _charged(self, request: Q) -> Q:
        return request if self._account is None else request.model_copy(update={"account": self._account})

    def chat(self, prompt: Prompt, /, **options: Any) -> ChatAnswer:
        """Call a model and wait for the answer. Raises `ModelError`s, `OverBudget`, `EgressRefused`, `InvalidInput`."""
        return self._loop.run(self._gateway.chat(self._charged(ChatRequest.of(prompt, **options))))

    async def achat(self, prompt: Prompt, /, **options: Any) -> ChatAnswer:
        """`chat` on the caller's event loop."""
        return await self._gateway.chat(self._charged(ChatRequest.of(prompt, **options)))

    def stream(self, prompt: Prompt, /, **options: Any) -> Stream:
        """Call a model, and get the answer as it arrives."""
        request = self._charged(ChatRequest.of(prompt, **options))
        return Stream(lambda: self._gateway.stream(request), self._loop)

    def embed(self, texts: str | Sequence[str], /, **options: Any) -> Embedding:
        """Convert texts to vectors."""
        return self._loop.run(self._gateway.embed(self._charged(EmbedRequest.of(texts, **options))))

    async def aembed(self, texts: str | Sequence[str], /, **options: Any) -> Embedding:
        """`embed` on the caller's event loop."""
        return await self._gateway.embed(self._charged(EmbedRequest.of(texts, **options)))

    def route(self, prompt: Prompt, /, **options: Any) -> RouteDecision:
        """The model that would answer, with the reason and the cost; no model is called. Raises `NoModel`."""
        return self._loop.run(self._gateway.route(self._charged(ChatRequest.of(prompt, **options))))

    async def aroute(self, prompt: Prompt, /, **options: Any) -> RouteDecision:
        """`route` on the caller's event loop."""
        return await self._gateway.route(self._charged(ChatRequest.of(prompt, **options)))

    def models(self) -> list[Candidate]:
        """Every known model, with the obstacle to using it now."""
        return self._loop.run(self._gateway.models())

    async def amodels(self) -> list[Candidate]:
        """`models` on the caller's event loop."""
        return await self._gateway.models()

    def key_variables(self) -> dict[str, str | None]:
        """Every backend by its name, with the name of the secret that has its key; `None` if it needs no key."""
        return {name: one.key_variable() for name, one in self._gateway.backends.all().items()}

    def price(self, model: Model, usage: Usage) -> int | None:
        """What a use of a model costs, in millionths of a dollar; `None` if its price is not known."""
        return self._gateway.prices.cost(model, usage)

    def ask(self, ask: Ask, tell: Tell, journal: Journal | None = None) -> Callable[[], None]:
        """Answer the request of a run: `tell` is called on the gateway's thread. The returned function cancels it.

        What is in the `journal` is not asked again.
        """
        pending = self._loop.start(self._answer(ask, tell, journal))

        def give_up() -> None:
            pending.cancel()

        return give_up

    def forget(self, owner: str, *, dry_run: bool = False) -> int:
        """Remove the stored answers of an owner, or only count them; return how many there were."""
        return self._gateway.forget(checked(owner, "owner"), dry_run=dry_run)

    def close(self) -> None:
        self._loop.run(self._gateway.close())
        self._loop.close()

    async def _answer(self, ask: Ask, tell: Tell, journal: Journal | None) -> None:
        """Answer a run; every outcome must reach it, or it would wait for ever."""
        try:
            response = Response(ask=ask.id, answer=await self._noted(ask, tell, journal))
        except asyncio.CancelledError:
            tell(problem(ask, TaskCancelled("The request was cancelled: its studio is closing.")))
            raise
        except BaseException as error:
            tell(problem(ask, error))
        else:
            tell(response)

    async def _noted(self, ask: Ask, tell: Tell, journal: Journal | None) -> dict[str, JsonValue]:
        """The answer from the journal, or a new one, which the journal keeps."""
        entry = journal.entry(ask) if journal is not None else None
        if journal is None or entry is None:
            return (await self._made(ask, tell)).model_dump(mode="json")
        answer = journal.find(entry)
        if answer is None:
            answer = (await self._made(ask, tell)).model_dump(mode="json")
            await journal.add(entry, answer)
        elif ask.request.get("answer_schema") is None and (text := answer.get("text")):
            tell(Response(ask=ask.id, text=str(text)))
        return answer

    async def _made(self, ask: Ask, tell: Tell) -> BaseModel:
        if ask.verb == "embed":
            return await self._gateway.embed(EmbedRequest.model_validate(ask.request))
        if ask.verb == "route":
            return await self._gateway.route(ChatRequest.model_validate(ask.request))
        return await self._streamed(ask, tell)

    async def _streamed(self, ask: Ask, tell: Tell) -> ChatAnswer:
        request = ChatRequest.model_validate(ask.request)
        if request.answer_schema is not None:  # an answer that may be repaired is not streamed
            return await self._gateway.chat(request)
        stream = Stream(lambda: self._gateway.stream(request), self._loop)
        async for delta in stream:
            if delta.text:
                tell(Response(ask=ask.id, text=delta.text))
        return stream.answer
