"""The route of a request: the model that it names, or those that the router chooses, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from avstudio_core.chat import Wishes
from avstudio_core.errors import NoModel
from avstudio_core.gateway.candidates import Candidates, unwanted
from avstudio_core.gateway.requests import Request, named_by
from avstudio_core.kinds.router import Router
from avstudio_core.quotes import quoted
from avstudio_core.route_decision import Candidate, RouteDecision


@dataclass(frozen=True, slots=True)
class Route:
    """A decision with its candidates in the order in which they are tried."""

    decision: RouteDecision
    candidates: tuple[Candidate, ...]


class Routes:
    """Decides."""

    def __init__(self, candidates: Candidates, router: Router, name: str) -> None:
        self._candidates = candidates
        self._router = router
        self._name = name

    async def of(self, request: Request) -> Route:
        """The route of a request. Raises `NoModel`, or the obstacle to a model that the request names."""
        request, name = named_by(request)
        if name != "auto":
            return _to(await self._candidates.named(request.model_copy(update={"model": name})))
        candidates = await self._candidates.of(request)
        try:
            decision = self._router.route(request.wishes, candidates)
        except NoModel:
            await self._candidates.note_refusals(request)
            raise
        return self._usable(decision, candidates, request.wishes)

    def _usable(self, decision: RouteDecision, candidates: Sequence[Candidate], wishes: Wishes) -> Route:
        """The decision with its candidates. Raises `NoModel` for one that cannot be used."""
        by_name = {candidate.model.id: candidate for candidate in candidates if candidate.obstacle is None}
        order = (decision.chosen, *decision.fallbacks)
        for name in order:
            self._refuse_unusable(name, by_name.get(name), wishes)
        return Route(decision, tuple(by_name[one] for one in order))

    def _refuse_unusable(self, name: str, chosen: Candidate | None, wishes: Wishes) -> None:
        """Raise `NoModel` for a choice of the router that is not a candidate, or that the request does not allow."""
        reason = unwanted(wishes, chosen.model, chosen.estimate) if chosen else ""
        if chosen is None or reason:
            reason = f": {reason}" if reason else ""
            raise NoModel(f"Router '{self._name}' chose {quoted(name)}, which cannot be used{reason}.")


def _to(named: Candidate) -> Route:
    decision = RouteDecision(
        rule="named",
        reason="The request names its model.",
        chosen=named.model.id,
        context=named.model.can.context,
        estimate=named.estimate,
    )
    return Route(decision, (named,))
