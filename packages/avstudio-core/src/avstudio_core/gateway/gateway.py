"""Processes a request to a language model: checks it, routes it, and reserves, makes and settles each call."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from avstudio_core import answer_schema
from avstudio_core.answers import ChatAnswer, Embedding
from avstudio_core.artifact import new_id
from avstudio_core.chat import ChatRequest, Delta, EmbedRequest
from avstudio_core.egress import Gate
from avstudio_core.errors import BadAnswer, CredentialsRefused
from avstudio_core.gateway.answer import answer_of, embedding_of, parsed, repaired
from avstudio_core.gateway.answer_cache import AnswerCache
from avstudio_core.gateway.attempts import until_answered
from avstudio_core.gateway.calls import Calls
from avstudio_core.gateway.candidates import Candidates
from avstudio_core.gateway.health import Health
from avstudio_core.gateway.ledger.call_facts import Verb
from avstudio_core.gateway.meter import Meter, Metered
from avstudio_core.gateway.models.backends import Backends
from avstudio_core.gateway.models.guarded_router import GuardedRouter
from avstudio_core.gateway.models.known_models import KnownModels
from avstudio_core.gateway.models.prices import Prices, books
from avstudio_core.gateway.requests import Request, refuse_unreadable
from avstudio_core.gateway.routes import Route, Routes
from avstudio_core.route_decision import Candidate, RouteDecision
from avstudio_core.secrets.secrets import Secrets

if TYPE_CHECKING:
    from avstudio_core.gateway.ledger.ledger import Ledger
    from avstudio_core.models.pool import Pool
    from avstudio_core.plugins import Plugins
    from avstudio_core.weights import Shelf


class Gateway:
    """The language models of one studio. Its methods run on any event loop."""

    def __init__(
        self, plugins: Plugins, gate: Gate, shelf: Shelf, pool: Pool, ledger: Ledger, secrets: Secrets
    ) -> None:
        self.settings = settings = gate.settings
        self.gate = gate
        self.shelf = shelf
        self.pool = pool
        self.secrets = secrets
        known = KnownModels.of(settings)
        self.prices = Prices(known.prices, books(plugins))
        self.backends = Backends(plugins, known, self)
        self._answers = AnswerCache(settings)
        health = Health()
        self._candidates = Candidates(self.backends, self.gate, self.prices, health, ledger, pool)
        self._routes = Routes(self._candidates, GuardedRouter(plugins, settings.router), settings.router)
        self._calls = Calls(self.backends, Meter(ledger, self.prices, health))

    # The services for backends

    def secret(self, variable: str) -> str | None:
        value = self.secrets.get(variable)
        if value is None and (reason := self.secrets.obstacle(variable)):
            raise CredentialsRefused(reason, hint="The environment variable of that name comes first.")
        return value

    def without_secrets(self, error: BaseException) -> None:
        """Remove from an error, and from its causes, the secrets that backends have got."""
        self.secrets.clean(error)

    def leave(self, url: str, *, private: bool = False) -> None:
        self.gate.leave(url, private=private)

    # Verbs

    async def models(self) -> list[Candidate]:
        """Every known model, with the obstacle to using it now."""
        question = ChatRequest.model_validate({"messages": [{"role": "user", "content": "?"}]})
        texts = EmbedRequest(texts=("?",))
        return [*await self._candidates.of(question), *await self._candidates.of(texts, absent=False)]

    async def route(self, request: Request) -> RouteDecision:
        """The model that would answer, with the reason and the cost; nothing is spent."""
        return (await self._routes.of(request)).decision

    async def chat(self, request: ChatRequest) -> ChatAnswer:
        """Call a model, and return the whole answer. Raises `ModelError`s, `OverBudget`, `EgressRefused`."""
        refuse_unreadable(request)
        began = time.monotonic()
        route, request_id = await self._routes.of(request), new_id("call")
        wanted = self._answers.wanted(request, route.candidates[0].model)
        if wanted and (stored := await self._stored("chat", request, route, request_id)) is not None:
            return stored

        async def ask(request: ChatRequest, candidate: Candidate) -> ChatAnswer:
            metered = await self._calls.chat(request, candidate, route, request_id)
            answer = answer_of(request, metered, route)
            if request.answer_schema is not None:
                answer = await self._fitting(request, answer, metered, route)
            if self._answers.wanted(request, metered.model):
                await self._keep(request, answer, metered)
            return answer

        return await until_answered(route.candidates, request, ask, began)

    async def stream(self, request: ChatRequest) -> AsyncIterator[Delta | ChatAnswer]:
        """Call a model, and yield the answer as it arrives; the last item is the `ChatAnswer`.

        Raises the same errors as `chat` before the first word, and `PartialAnswer` after it.
        """
        refuse_unreadable(request)
        began = time.monotonic()
        route, request_id = await self._routes.of(request), new_id("call")
        wanted = self._answers.wanted(request, route.candidates[0].model)
        if wanted and (stored := await self._stored("stream", request, route, request_id)) is not None:
            yield Delta(stored.text, stored.reasoning, stored.tool_calls)
            yield stored
            return

        async def begin(
            request: ChatRequest, candidate: Candidate
        ) -> tuple[Metered, AsyncIterator[Delta], Delta | None]:
            metered, deltas = await self._calls.stream(request, candidate, route, request_id)
            return metered, deltas, await anext(deltas, None)

        metered, deltas, first = await until_answered(route.candidates, request, begin, began)
        try:
            if first is not None:
                yield first
            async for delta in deltas:
                yield delta
        finally:
            await deltas.aclose()  # type: ignore[attr-defined]
        answer = answer_of(request, metered, route)
        if request.answer_schema is not None:
            answer = answer.model_copy(update={"parsed": parsed(answer.text, request, metered.model)})
        if self._answers.wanted(request, metered.model):
            await self._keep(request, answer, metered)
        yield answer

    async def embed(self, request: EmbedRequest) -> Embedding:
        """Convert texts to vectors. Raises the same errors as `chat`."""
        refuse_unreadable(request)
        began = time.monotonic()
        route, request_id = await self._routes.of(request), new_id("call")

        async def ask(request: EmbedRequest, candidate: Candidate) -> Embedding:
            metered, made = await self._calls.embed(request, candidate, route, request_id)
            return embedding_of(made, metered, route)

        return await until_answered(route.candidates, request, ask, began)

    async def _stored(self, verb: Verb, request: ChatRequest, route: Route, request_id: str) -> ChatAnswer | None:
        """The stored answer to an identical request; its use is recorded."""
        first = route.candidates[0]
        found = await self._answers.find(request, route, self.backends.find(first.model.backend).url())
        if found is None:
            return None
        await self._calls.replay(verb, request, first, route, request_id)
        return found.model_copy(update={"request_id": request_id})

    async def _keep(self, request: ChatRequest, answer: ChatAnswer, metered: Metered) -> None:
        await self._answers.keep(request, answer, metered, self.backends.find(metered.model.backend).url())

    async def _fitting(self, request: ChatRequest, first: ChatAnswer, metered: Metered, route: Route) -> ChatAnswer:
        """An answer that follows the schema; one that does not is sent back once. Raises `BadAnswer`."""
        assert request.answer_schema is not None
        try:
            return first.model_copy(update={"parsed": answer_schema.parsed(first.text, request.answer_schema)})
        except BadAnswer as error:
            problem = str(error)
        model, again = metered.model, answer_schema.repair(request, first.text, problem, metered.left)
        # The model also reads its first answer, so the estimate is higher.
        dearer = Candidate(model=model, estimate=self._candidates.estimate(again, model))
        second = answer_of(again, await self._calls.chat(again, dearer, route, metered.request_id), route)
        return repaired(second, first, problem, parsed(second.text, request, model))

    def forget(self, owner: str, *, dry_run: bool = False) -> int:
        """Remove the stored answers of an owner, or only count them; return how many there were.

        Raises `StorageError`.
        """
        return self._answers.forget(owner, dry_run=dry_run)

    async def close(self) -> None:
        self._answers.close()
        await self.backends.close()
