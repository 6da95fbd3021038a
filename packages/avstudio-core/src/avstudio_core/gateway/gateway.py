"""The way of a request to a language model: policy, route, reservation, call, settlement, the next candidate."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from pydantic import JsonValue

from avstudio_core import answer_schema
from avstudio_core.answers import ChatAnswer, Embedding
from avstudio_core.artifact import new_id
from avstudio_core.chat import ChatRequest, Delta, EmbedRequest, TaskType
from avstudio_core.errors import BadAnswer, InvalidInput, NoModel, NotFound
from avstudio_core.gateway.attempts import until_answered
from avstudio_core.gateway.candidates import Candidates, Request, longest_answer
from avstudio_core.gateway.health import Health
from avstudio_core.gateway.ledger.calls import NewCall, Verb
from avstudio_core.gateway.meter import Meter, Metered
from avstudio_core.gateway.models.backends import Backends
from avstudio_core.gateway.models.known_models import KnownModels
from avstudio_core.gateway.models.prices import Prices
from avstudio_core.gateway.policy import Policy
from avstudio_core.kinds.backend import Backend
from avstudio_core.kinds.router import Router
from avstudio_core.language_models import Model
from avstudio_core.results import CodedWarning
from avstudio_core.routes import Candidate, RouteDecision

if TYPE_CHECKING:
    from avstudio_core.gateway.ledger.ledger import Ledger
    from avstudio_core.models.pool import Pool
    from avstudio_core.plugins import Plugins
    from avstudio_core.settings import Settings
    from avstudio_core.storage.sqlite.database import Database
    from avstudio_core.weights import Shelf


@dataclass(frozen=True, slots=True)
class Route:
    """A decision with the candidates that it names, in the order in which they are tried."""

    decision: RouteDecision
    candidates: dict[str, Candidate]

    @property
    def models(self) -> list[Model]:
        return [candidate.model for candidate in self.candidates.values()]


class Gateway:
    """One studio's door to language models. Its methods run on any event loop."""

    def __init__(
        self, plugins: Plugins, settings: Settings, shelf: Shelf, pool: Pool, database: Database, ledger: Ledger
    ) -> None:
        self.settings = settings
        self.shelf = shelf
        self.pool = pool
        self.policy = Policy(settings, database)
        known = KnownModels.load(settings.models or settings.home / "models.toml")
        self.prices = Prices(known.prices, [book() for book in plugins.kind("price_books").values()])
        self.backends = Backends(plugins, known, self)
        health = Health()
        self._candidates = Candidates(self.backends, self.policy, self.prices, health, ledger, pool)
        self._meter = Meter(ledger, self.prices, health)
        self._router: Router = plugins.find("routers", settings.router)()

    # What a studio lends to its backends

    def secret(self, variable: str) -> str | None:
        return os.environ.get(variable) or None

    def leave(self, url: str) -> None:
        self.policy.leave(url)

    # Verbs

    async def models(self) -> list[Candidate]:
        """Every model that is known, and what stands against using it now."""
        question = ChatRequest.model_validate({"messages": [{"role": "user", "content": "?"}]})
        texts = EmbedRequest(texts=("?",))
        return [*await self._candidates.of(question), *await self._candidates.of(texts, absent=False)]

    async def route(self, request: Request) -> RouteDecision:
        """Who would answer, why, and what it would cost; nothing is spent."""
        return (await self._routed(request)).decision

    async def chat(self, request: ChatRequest) -> ChatAnswer:
        """Ask, and give the whole answer. Raises `ModelError`s, `OverBudget`, `EgressRefused`."""
        _refuse_unreadable(request)
        route, request_id = await self._routed(request), new_id("call")

        async def ask(model: Model) -> ChatAnswer:
            metered = await self._asked(request, model, route, request_id)
            if request.answer_schema is None:
                return _answer(request, metered, route, request_id)
            return await self._fitting(request, metered, route, request_id)

        return await until_answered(route.models, ask)

    async def stream(self, request: ChatRequest) -> AsyncIterator[Delta | ChatAnswer]:
        """Ask, and give the answer as it comes; the last item is the `ChatAnswer`.

        Raises what `chat` raises before the first word, and `PartialAnswer` after it.
        """
        _refuse_unreadable(request)
        route, request_id = await self._routed(request), new_id("call")

        async def begin(model: Model) -> tuple[Metered, AsyncIterator[Delta], Delta | None]:
            metered = await self._metered("stream", request, model, route, request_id)
            deltas = metered.stream(self._backend(model).stream(_prepared(request, model), model))
            return metered, deltas, await anext(deltas, None)

        metered, deltas, first = await until_answered(route.models, begin)
        try:
            if first is not None:
                yield first
            async for delta in deltas:
                yield delta
        finally:
            await deltas.aclose()  # type: ignore[attr-defined]
        answer = _answer(request, metered, route, request_id)
        if request.answer_schema is not None:
            answer = answer.model_copy(update={"parsed": _parsed(answer.text, request, metered.model)})
        yield answer

    async def embed(self, request: EmbedRequest) -> Embedding:
        """Turn texts into vectors. Raises what `chat` raises."""
        _refuse_unreadable(request)
        route, request_id = await self._routed(request), new_id("call")

        async def ask(model: Model) -> Embedding:
            metered = await self._metered("embed", request, model, route, request_id)
            made = await metered.embed(self._backend(model).embed(request, model))
            return Embedding(
                request_id=request_id,
                model=model.id,
                served_as=made.model,
                usage=metered.usage,
                cost_micro=metered.cost_micro,
                decision=route.decision,
                vectors=tuple(map(tuple, made.vectors)),
            )

        return await until_answered(route.models, ask)

    async def close(self) -> None:
        await self.backends.close()

    # Steps

    async def _routed(self, request: Request) -> Route:
        """Decide. Raises `NoModel`, or for a model that was named what stands against it."""
        request, name = _wishing(request)
        if name != "auto":
            named = await self._candidates.named(request.model_copy(update={"model": name}))
            reason = "The request names its model."
            decision = RouteDecision(
                rule="named",
                reason=reason,
                chosen=named.model.id,
                context=named.model.can.context,
                estimate=named.estimate,
            )
            return Route(decision, {named.model.id: named})
        candidates = await self._candidates.of(request)
        decision = self._router.route(request.wishes, candidates)
        by_name = {candidate.model.id: candidate for candidate in candidates if candidate.obstacle is None}
        order = (decision.chosen, *decision.fallbacks)
        if strangers := [one for one in order if one not in by_name]:
            raise NoModel(f"Router '{self.settings.router}' chose '{strangers[0]}', which cannot be used.")
        return Route(decision, {one: by_name[one] for one in order})

    async def _metered(self, verb: Verb, request: Request, model: Model, route: Route, request_id: str) -> Metered:
        call = NewCall(
            request_id=request_id,
            verb=verb,
            backend=model.backend,
            model=model.name,
            account=request.account,
            most_micro=route.candidates[model.id].estimate.most_micro or 0,
            rule=route.decision.rule,
            seconds=request.timeout,
        )
        return await self._meter.open(call, request, model)

    async def _asked(self, request: ChatRequest, model: Model, route: Route, request_id: str) -> Metered:
        metered = await self._metered("chat", request, model, route, request_id)
        await metered.chat(self._backend(model).chat(_prepared(request, model), model))
        return metered

    async def _fitting(self, request: ChatRequest, metered: Metered, route: Route, request_id: str) -> ChatAnswer:
        """The answer, held to the schema; one that does not fit is sent back once. Raises `BadAnswer`."""
        assert request.answer_schema is not None
        first = _answer(request, metered, route, request_id)
        try:
            return first.model_copy(update={"parsed": answer_schema.parsed(first.text, request.answer_schema)})
        except BadAnswer as error:
            problem = str(error)
        model, again = metered.model, answer_schema.repair(request, first.text, problem)
        dearer = Candidate(
            model=model, estimate=self._candidates.estimate(again, model)
        )  # it reads its own answer, too
        longer = Route(route.decision, {model.id: dearer})
        second = _answer(again, await self._asked(again, model, longer, request_id), route, request_id)
        warning = CodedWarning(code="repaired", message=f"The first answer did not fit the schema. {problem}")
        update = {
            "parsed": _parsed(second.text, request, model),
            "cost_micro": first.cost_micro + second.cost_micro,
            "usage": first.usage + second.usage,
            "warnings": (*second.warnings, warning),
        }
        return second.model_copy(update=update)

    def _backend(self, model: Model) -> Backend:
        return self.backends.find(model.backend)


def _wishing(request: Request) -> tuple[Request, str]:
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


def _refuse_unreadable(request: Request) -> None:
    """Raise `InvalidInput` for a request without a word or with broken Unicode, and for a schema that is none."""
    if isinstance(request, EmbedRequest):
        if not all(text.strip() for text in request.texts):
            raise InvalidInput("A text to embed is empty. Leave it out.")
        _refuse_surrogates(*request.texts)
        return
    if not any(message.text.strip() or message.images or message.tool_calls for message in request.messages):
        raise InvalidInput("The prompt is empty. Say something.")
    _refuse_surrogates(*(message.text for message in request.messages))
    if request.answer_schema is not None:
        answer_schema.check_schema(request.answer_schema)


def _refuse_surrogates(*texts: str) -> None:
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            place = f"at character {error.start + 1}: '{ascii(text[error.start])[1:-1]}'"
            raise InvalidInput(f"The text holds what is no character, {place}. Read it as UTF-8.") from None


def _prepared(request: ChatRequest, model: Model) -> ChatRequest:
    """The request as that model is to get it."""
    longest = longest_answer(request, model)
    if longest != request.max_tokens:
        request = request.model_copy(update={"max_tokens": longest})
    if request.answer_schema is not None and not model.can.json_schema:
        request = answer_schema.in_words(request)
    return request


def _parsed(text: str, request: ChatRequest, model: Model) -> JsonValue:
    assert request.answer_schema is not None
    try:
        return answer_schema.parsed(text, request.answer_schema)
    except BadAnswer as error:
        raise BadAnswer(f"The answer of '{model.id}' does not fit the schema. {error}") from None


def _answer(request: ChatRequest, metered: Metered, route: Route, request_id: str) -> ChatAnswer:
    reply = metered.reply
    return ChatAnswer(
        request_id=request_id,
        model=metered.model.id,
        served_as=reply.model,
        usage=metered.usage,
        cost_micro=metered.cost_micro,
        decision=route.decision,
        warnings=_warnings(request, metered, route),
        text=reply.text,
        reasoning=reply.reasoning,
        tool_calls=reply.tool_calls,
        finish=reply.finish,
    )


def _warnings(request: ChatRequest, metered: Metered, route: Route) -> tuple[CodedWarning, ...]:
    warnings = []
    if metered.model.id != route.decision.chosen:
        said = f"'{route.decision.chosen}' did not answer; '{metered.model.id}' did."
        warnings.append(CodedWarning(code="fallback", message=said))
    if metered.reply.finish == "length" and request.max_tokens is None and not metered.model.local:
        longest = longest_answer(request, metered.model)
        warnings.append(CodedWarning(code="cut", message=f"The answer was cut at {longest} tokens: give max_tokens."))
    return tuple(warnings)
