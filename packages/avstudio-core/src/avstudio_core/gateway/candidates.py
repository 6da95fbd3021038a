"""The models that could answer a request, their prices, and the obstacles to using them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from avstudio_core import tokens
from avstudio_core.chat import ChatRequest, EmbedRequest, Usage, Wishes
from avstudio_core.egress import host_of
from avstudio_core.errors import (
    AVStudioError,
    BackendDown,
    ContextTooLong,
    EgressRefused,
    NoModel,
    NotEnoughMemory,
    NotFound,
    OverBudget,
    PluginError,
    Unsupported,
    by_code,
)
from avstudio_core.gateway.requests import Request, longest_answer
from avstudio_core.language_models import Model
from avstudio_core.money import UNPRICED_MICRO, dollars
from avstudio_core.route_decision import Candidate, Estimate
from avstudio_core.storage.tables import LOCAL_OWNER

if TYPE_CHECKING:
    from avstudio_core.egress import Gate
    from avstudio_core.gateway.health import Health
    from avstudio_core.gateway.ledger.ledger import Ledger
    from avstudio_core.gateway.models.backends import Backends
    from avstudio_core.gateway.models.prices import Prices
    from avstudio_core.models.pool import Pool

Room = Callable[[int], int | None]
"""What the budgets have left for a call with that cost."""

NO_MODELS = NoModel("it has no models")
NOTHING = Estimate(input_tokens=0, output_tokens=0)
USUAL_ANSWER = 500
"""The expected tokens of an answer."""


class Candidates:
    """Evaluates every known model, so that the router can choose."""

    def __init__(
        self, backends: Backends, gate: Gate, prices: Prices, health: Health, ledger: Ledger, pool: Pool
    ) -> None:
        self._backends = backends
        self._gate = gate
        self._prices = prices
        self._health = health
        self._ledger = ledger
        self._pool = pool
        self._sorting: tuple[object, object, tuple[list[Model], list[Candidate], list[Candidate]]]
        self._sorting = None, None, ([], [], [])

    async def of(self, request: Request, *, absent: bool = True) -> list[Candidate]:
        """Every model for a kind of request, and every backend without models, with the reason."""
        usable, barred, missing = self._sorted_out(*await self._known(request))
        read, room = tokens.of_request(request), self._room(request)
        weighed = [self._weighed(request, model, read, room) for model in usable if _fits_verb(request, model)]
        weighed += [one for one in barred if _fits_verb(request, one.model)]
        return weighed + missing if absent else weighed

    def _sorted_out(
        self, models: list[Model], silent: dict[str, AVStudioError]
    ) -> tuple[list[Model], list[Candidate], list[Candidate]]:
        """Usable models; models of backends that cannot be used; backends without models.

        These are the same for every request until a list of models or a backend's obstacle is refreshed.
        """
        standing = self._backends.standing()
        if self._sorting[0] is not models or self._sorting[1] is not standing:
            usable = [model for model in models if standing[model.backend] is None]
            barred = [_barred(model, reason) for model in models if (reason := standing[model.backend])]
            empty = standing.keys() - {model.backend for model in models}
            missing = [_absent(name, silent.get(name) or standing[name] or NO_MODELS) for name in sorted(empty)]
            self._sorting = models, standing, (usable, barred, missing)
        return self._sorting[2]

    async def named(self, request: Request) -> Candidate:
        """The model that a request names. Raises `NotFound` with the nearest name, or the obstacle to using it."""
        read = tokens.of_request(request)
        weighed = [(model, *self._weigh(request, model, read, _untold)) for model in await self._meant(request)]
        model, estimate, obstacle = next((one for one in weighed if one[2] is None), weighed[0])
        obstacle = obstacle or unwanted(request.wishes, model, estimate)
        if isinstance(obstacle, OverBudget) and estimate.most_micro is None:
            await self._refuse_unknown(model)
        if obstacle is not None:
            self._note_refusals(request, [model])
            raise by_code(obstacle.code, f"'{model.id}' cannot answer: {_reason(obstacle)}.", hint=obstacle.hint)
        return Candidate(model=model, estimate=estimate)

    async def _refuse_unknown(self, model: Model) -> None:
        """Raise `NotFound` for a model that has no price and that its server does not list: the name is misspelt."""
        names = await self._backends.listed_now(model.backend)
        if names and model.name not in names:
            raise NotFound.among("model", model.id, {f"{model.backend}/{name}" for name in names})

    async def note_refusals(self, request: Request) -> None:
        """Record which models the policy excluded from a request that no model can answer."""
        models, _ = await self._known(request)
        self._note_refusals(request, [model for model in models if _fits_verb(request, model)])

    def _note_refusals(self, request: Request, models: list[Model]) -> None:
        urls = {url for model in models if (url := self._outside(model)) is not None}
        for url in sorted(urls):
            if reason := self._gate.obstacle(url, private=request.wishes.private):
                self._gate.note(host_of(url), reason)

    def _outside(self, model: Model) -> str | None:
        """The external address of the request: empty if a local server forwards it, `None` if it stays here."""
        url = self._backends.outside(model.backend)
        return "" if url is None and not model.local else url

    async def _known(self, request: Request) -> tuple[list[Model], dict[str, AVStudioError]]:
        """The known models; servers may take half of the request's time for their lists."""
        return await self._backends.known(request.timeout / 2)

    async def _meant(self, request: Request) -> list[Model]:
        """The models that a request may mean: those of servers that list their models, or an unverified name."""
        name = request.model
        known, silent = await self._known(request)
        found = [model for model in known if name in (model.name, model.id)] or self._shortened(name, known)
        backend, _, rest = name.partition("/")
        if not found and rest and backend in self._backends.all() and not self._backends.is_listed(backend):
            found = [self._backends.named(backend, rest)]
        if not found and backend in silent:
            raise by_code(silent[backend].code, silent[backend].message, hint=silent[backend].hint)
        if not found:
            raise NotFound.among("model", name, {model.id for model in known}, see="See the list of models.")
        return found

    def _shortened(self, name: str, known: list[Model]) -> list[Model]:
        """The models whose server lists them with a longer name."""
        full = {backend: self._full_name(name, backend) for backend in {model.backend for model in known}}
        return [model for model in known if model.name == full[model.backend]]

    def _full_name(self, name: str, backend: str) -> str | None:
        """A server's longer name for a model, or `None`; also if its plugin fails, because it may not be meant."""
        short = name.removeprefix(f"{backend}/")
        try:
            full = self._backends.find(backend).full_name(short)
        except PluginError:
            return None
        return None if full == short else full

    def _room(self, request: Request) -> Room:
        """What the budgets have left for a request; read at most once, and not if much was left a moment ago."""
        known, exactly = self._ledger.known_room(request.account), cache(lambda: self._ledger.room(request.account))
        return lambda enough: known if enough <= known else exactly()

    def _weighed(self, request: Request, model: Model, read: tuple[int, int], room: Room) -> Candidate:
        estimate, obstacle = self._weigh(request, model, read, room)
        return Candidate(model=model, estimate=estimate) if obstacle is None else _barred(model, obstacle)

    def _weigh(
        self, request: Request, model: Model, read: tuple[int, int], room: Room
    ) -> tuple[Estimate, AVStudioError | None]:
        """The estimate of a call, and the obstacle. The price is only computed if there is no other obstacle."""
        obstacle = self._standing(request, model) or lacks(request, model, read[0])
        if obstacle is not None:
            return NOTHING, obstacle
        estimate = self.estimate(request, model, read)
        return estimate, _too_dear(request, estimate, room)

    def _standing(self, request: Request, model: Model) -> AVStudioError | None:
        """The obstacle to any request to the backend, or `None`."""
        if obstacle := self._backends.standing()[model.backend]:
            return obstacle
        url = self._outside(model)
        if url is not None and (reason := self._gate.obstacle(url, private=request.wishes.private)):
            return EgressRefused(f"nothing may be sent there: {reason}")
        if model.memory_mb and model.memory_mb > (budget := self._pool.budget_mb()):
            return NotEnoughMemory(f"it needs {model.memory_mb} MB, and all models together may take {budget} MB")
        if reason := self._health.obstacle(model.backend):
            return BackendDown(reason)
        return None

    def estimate(self, request: Request, model: Model, read: tuple[int, int] | None = None) -> Estimate:
        """The estimate of a request; `read` is the number of its tokens if it is already known."""
        expected, most = read or tokens.of_request(request)
        longest = longest_answer(request, model, expected) or USUAL_ANSWER
        usual = min(USUAL_ANSWER, longest) if isinstance(request, ChatRequest) else 0
        longest = longest if isinstance(request, ChatRequest) else 0
        return Estimate(
            input_tokens=expected,
            output_tokens=usual,
            cost_micro=self._prices.cost(model, Usage(input=expected, output=usual)),
            most_micro=self._prices.cost(model, Usage(input=most, output=longest)),
        )


def _untold(enough: int) -> None:
    """The `Room` for a model that the request names: unlimited, because the reservation decides."""


def _too_dear(request: Request, estimate: Estimate, room: Room) -> AVStudioError | None:
    if estimate.most_micro is None:
        if not request.wishes.allow_unpriced:
            return OverBudget("its price is unknown: give it in models.toml, or allow models without a price")
        left = room(UNPRICED_MICRO)
        return None if left is None or left >= UNPRICED_MICRO else OverBudget("over budget: its price is unknown")
    if not estimate.most_micro:
        return None
    left = room(estimate.most_micro)
    if left is None or estimate.most_micro <= left:
        return None
    rest = f", and {dollars(max(left, 0))} are left" if request.account.owner == LOCAL_OWNER else ""
    return OverBudget(f"over budget: it may cost {dollars(estimate.most_micro)}{rest}")


def unwanted(wishes: Wishes, model: Model, estimate: Estimate) -> AVStudioError | None:
    """Why a request does not allow the model, whether a router or the user chose it."""
    if model.local:
        return None
    if wishes.require_local:
        return NoModel("it is not on this machine, and the request must stay here")
    if wishes.max_cost is not None and estimate.exceeds(wishes.max_cost):
        return OverBudget(f"{estimate.in_words}, and max_cost is ${wishes.max_cost:g}")
    return None


def lacks(request: Request, model: Model, read: int) -> AVStudioError | None:
    """What the request needs and the model does not support."""
    can = model.can
    if can.context is not None and read > can.context:
        return ContextTooLong(f"about {read} tokens do not fit its context of {can.context}")
    if isinstance(request, EmbedRequest):
        return None
    wanted = {
        "tools": bool(request.tools) and not can.tools,
        "pictures": any(message.images for message in request.messages) and not can.vision,
        " or ".join(request.sampling): bool(request.sampling) and not can.sampling,
        f"answers of {request.max_tokens} tokens": can.output is not None and (request.max_tokens or 0) > can.output,
    }
    missing = next((name for name, lacking in wanted.items() if lacking), None)
    return Unsupported(f"it does not support {missing}") if missing else None


def _fits_verb(request: Request, model: Model) -> bool:
    return model.can.embed if isinstance(request, EmbedRequest) else model.can.chat


def _reason(error: AVStudioError) -> str:
    """The message of an error as a part of a sentence."""
    return error.message.rstrip(".")


def _barred(model: Model, obstacle: AVStudioError) -> Candidate:
    return _candidate(model, _reason(obstacle), obstacle.hint, isinstance(obstacle, BackendDown))


@lru_cache(maxsize=1024)
def _candidate(model: Model, obstacle: str, hint: str, passing: bool) -> Candidate:
    """A candidate that cannot answer; cached, because most requests have the same ones."""
    return Candidate(model=model, estimate=NOTHING, obstacle=obstacle, hint=hint, passing=passing)


def _absent(backend: str, reason: AVStudioError) -> Candidate:
    return _barred(Model(backend=backend, name="*", local=False), reason)
