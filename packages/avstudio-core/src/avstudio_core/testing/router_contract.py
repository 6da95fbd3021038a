"""The contract of routers, as a test class to subclass."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from avstudio_core.testing.contract import NAME, Contract
from avstudio_core.testing.light_imports import check_imports

if TYPE_CHECKING:
    from avstudio_core.chat import Wishes
    from avstudio_core.kinds.router import Router
    from avstudio_core.route_decision import Candidate, RouteDecision
    from avstudio_core.studio import Studio

WISHES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "local": {"require_local": True},
    "private": {"private": True},
    "quality": {"require_quality": 0.6},
    "top": {"require_quality": 0.95},
    "code": {"task_type": "code"},
    "creative": {"task_type": "creative"},
    "cheap": {"max_cost": 0.001},
}


class RouterContract(Contract):
    """The contract of routers, whatever they prefer. Subclass it, and set the plugin and the router."""

    plugin: ModuleType
    router: ClassVar[type[Router]]

    @pytest.fixture
    def made(self) -> Router:
        """The router."""
        return self.router()

    @pytest.fixture
    def candidates(self) -> list[Candidate]:
        """Local and remote, good and cheap models, and one that cannot answer."""
        return [
            candidate("cloud/best", quality=0.97, cost_micro=9000, tags=("code", "creative")),
            candidate("cloud/good", quality=0.7, cost_micro=500),
            candidate("cloud/down", quality=0.99, cost_micro=100, obstacle="the backend is down"),
            candidate("near/small", local=True, quality=0.3),
            candidate("near/better", local=True, quality=0.65, tags=("code",)),
            candidate("near/huge", local=True, quality=0.96, obstacle="it needs more memory than there is"),
        ]

    @pytest.fixture(params=list(WISHES))
    def wishes(self, request: pytest.FixtureRequest) -> Wishes:
        """The wishes of the requests, in order."""
        from avstudio_core.chat import Wishes

        return Wishes(**WISHES[request.param])

    def test_its_name_is_a_word(self) -> None:
        """The name is one word of small letters, digits, `_` and `-`."""
        assert re.fullmatch(NAME, self.router.name), f"'{self.router.name}' is not."

    def test_its_plugin_registers_it(self, studio: Studio) -> None:
        """The plugin's hook `register_routers` returns the router."""
        assert studio.plugins.find("routers", self.router.name) is self.router

    def test_importing_it_is_light(self) -> None:
        """Importing the plugin and declaring the router import no heavy library."""
        check_imports(self.plugin)

    def test_it_explains_itself(self, made: Router, wishes: Wishes, candidates: list[Candidate]) -> None:
        """A decision gives its rule, its reason, and the estimate and the context of the model that it chose."""
        decision = decided(made, wishes, candidates)
        chosen = {one.model.id: one for one in candidates}[decision.chosen]
        assert decision.rule
        assert decision.reason
        assert decision.estimate == chosen.estimate
        assert decision.context == chosen.model.can.context

    def test_no_one_with_an_obstacle_is_tried(self, made: Router, wishes: Wishes, candidates: list[Candidate]) -> None:
        """A candidate with an obstacle is neither chosen nor a fallback."""
        tried = tried_in(decided(made, wishes, candidates))
        assert [one.model.id for one in candidates if one.model.id in tried and one.obstacle] == []

    def test_everybody_is_accounted_for(self, made: Router, wishes: Wishes, candidates: list[Candidate]) -> None:
        """Each candidate is in the decision once: chosen, a fallback, or rejected with a reason."""
        decision = decided(made, wishes, candidates)
        told = [*tried_in(decision), *(one.model for one in decision.rejected)]
        assert sorted(told) == sorted(one.model.id for one in candidates)
        assert [one.model for one in decision.rejected if not one.reason] == []

    def test_the_wishes_are_kept(self, made: Router, wishes: Wishes, candidates: list[Candidate]) -> None:
        """The model that is chosen, and each fallback, keeps what the request asks for: place, quality and cost."""
        tried = tried_in(decided(made, wishes, candidates))
        assert [one.model.id for one in candidates if one.model.id in tried and not _keeps(one, wishes)] == []

    def test_it_refuses_when_no_one_can(self, made: Router, wishes: Wishes, candidates: list[Candidate]) -> None:
        """When no candidate can answer, the router raises `NoModel` with a message."""
        from avstudio_core.errors import NoModel

        barred = [one.model_copy(update={"obstacle": "no key"}) for one in candidates]
        for given in (barred, []):
            with pytest.raises(NoModel, match=r"."):
                made.route(wishes, given)

    def test_it_refuses_rather_than_break_a_wish(self, made: Router, candidates: list[Candidate]) -> None:
        """When every candidate breaks what the request asks for, the router raises `NoModel` with a message."""
        from avstudio_core.chat import Wishes
        from avstudio_core.errors import NoModel

        far = [one for one in candidates if not one.model.local]
        for wishes in (Wishes(require_local=True), Wishes(private=True)):
            with pytest.raises(NoModel, match=r"."):
                made.route(wishes, far)

    def test_the_same_question_has_the_same_answer(
        self, made: Router, wishes: Wishes, candidates: list[Candidate]
    ) -> None:
        """Equal questions get equal decisions, whatever was asked in between, and the candidates stay as they are."""
        given = list(candidates)
        first = decided(made, wishes, given)
        for _ in range(10):
            decided(made, wishes, candidates[::-1])
            assert decided(made, wishes, given) == first
        assert given == candidates, "The list of candidates was changed."


def candidate(
    name: str,
    *,
    local: bool = False,
    quality: float = 0.5,
    cost_micro: int = 0,
    tags: Sequence[Any] = (),
    obstacle: str | None = None,
) -> Candidate:
    """A model `<backend>/<name>` that could answer, or the reason why it cannot."""
    from avstudio_core.language_models import Can, Model
    from avstudio_core.route_decision import Candidate, Estimate

    backend, _, model = name.partition("/")
    can = Can(context=8192 if local else 200_000)
    described = Model(backend=backend, name=model, local=local, quality=quality, tags=frozenset(tags), can=can)
    estimate = Estimate(input_tokens=1000, output_tokens=500, cost_micro=cost_micro, most_micro=2 * cost_micro)
    return Candidate(model=described, estimate=estimate, obstacle=obstacle)


def decided(router: Router, wishes: Wishes, candidates: Sequence[Candidate]) -> RouteDecision:
    """The router's decision, with a check of its type."""
    from avstudio_core.route_decision import RouteDecision

    decision = router.route(wishes, candidates)
    assert isinstance(decision, RouteDecision), f"'route' returned {decision!r:.60}."
    return decision


def tried_in(decision: RouteDecision) -> list[str]:
    """The models that a decision would try, in order."""
    return [decision.chosen, *decision.fallbacks]


def _keeps(one: Candidate, wishes: Wishes) -> bool:
    near = one.model.local or not (wishes.require_local or wishes.private)
    good = one.model.quality >= wishes.require_quality
    cheap = one.model.local or wishes.max_cost is None or (one.estimate.cost_micro or 0) <= wishes.max_cost * 1_000_000
    return near and good and cheap
