"""Single calls to a model: each is reserved, made and settled."""

from __future__ import annotations

from collections.abc import AsyncIterator

from avstudio_core.chat import ChatRequest, Delta, EmbedRequest, Vectors
from avstudio_core.gateway.ledger.call_facts import NewCall, Verb
from avstudio_core.gateway.meter import Meter, Metered
from avstudio_core.gateway.models.backends import Backends
from avstudio_core.gateway.models.guarded_backend import GuardedBackend
from avstudio_core.gateway.requests import Request, prepared
from avstudio_core.gateway.routes import Route
from avstudio_core.money import UNPRICED_MICRO
from avstudio_core.route_decision import Candidate


class Calls:
    """Makes calls. Every method raises `OverBudget` before the model is called, and the errors of the backend."""

    def __init__(self, backends: Backends, meter: Meter) -> None:
        self._backends = backends
        self._meter = meter

    async def chat(self, request: ChatRequest, candidate: Candidate, route: Route, request_id: str) -> Metered:
        """A settled call; its `reply` is the whole answer."""
        metered = await self._reserved("chat", request, candidate, route, request_id)
        prompt, model = prepared(request, candidate.model), candidate.model
        await metered.chat(self._backend(candidate).chat(prompt, model, metered.reply))
        return metered

    async def replay(
        self, verb: Verb, request: ChatRequest, candidate: Candidate, route: Route, request_id: str
    ) -> None:
        """Record that a stored answer was given."""
        await self._meter.replay(_call(verb, request, candidate, route, request_id, free=True))

    async def stream(
        self, request: ChatRequest, candidate: Candidate, route: Route, request_id: str
    ) -> tuple[Metered, AsyncIterator[Delta]]:
        """A call, and the pieces of its answer; it is settled after the last one."""
        metered = await self._reserved("stream", request, candidate, route, request_id)
        deltas = self._backend(candidate).stream(prepared(request, candidate.model), candidate.model)
        return metered, metered.stream(deltas)

    async def embed(
        self, request: EmbedRequest, candidate: Candidate, route: Route, request_id: str
    ) -> tuple[Metered, Vectors]:
        """A settled call, and its vectors."""
        metered = await self._reserved("embed", request, candidate, route, request_id)
        return metered, await metered.embed(self._backend(candidate).embed(request, candidate.model))

    async def _reserved(
        self, verb: Verb, request: Request, candidate: Candidate, route: Route, request_id: str
    ) -> Metered:
        call = _call(verb, request, candidate, route, request_id)
        return await self._meter.open(call, request, candidate)

    def _backend(self, candidate: Candidate) -> GuardedBackend:
        return self._backends.find(candidate.model.backend)


def _call(
    verb: Verb, request: Request, candidate: Candidate, route: Route, request_id: str, *, free: bool = False
) -> NewCall:
    model, estimate = candidate.model, candidate.estimate
    most = UNPRICED_MICRO if estimate.most_micro is None else estimate.most_micro
    return NewCall(
        request_id=request_id,
        verb=verb,
        backend=model.backend,
        model=model.name,
        account=request.account,
        most_micro=0 if free else most,
        most_tokens=0 if free else estimate.input_tokens + estimate.output_tokens,
        rule=route.decision.rule,
        seconds=request.timeout,
    )
