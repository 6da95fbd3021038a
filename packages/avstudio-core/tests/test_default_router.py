"""The rules of the default router in order, and its reasons for rejected models."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from avstudio_core.chat import TaskType, Wishes
from avstudio_core.errors import NoModel
from avstudio_core.gateway.default_router import RULES, DefaultRouter
from avstudio_core.language_models import Model
from avstudio_core.route_decision import Candidate, Estimate


def candidate(
    name: str,
    *tags: TaskType,
    local: bool = False,
    quality: float = 0.5,
    cost: int | None = 0,
    obstacle: str | None = None,
) -> Candidate:
    backend, _, model = name.partition("/")
    described = Model(backend=backend, name=model, local=local, quality=quality, tags=frozenset(tags))
    estimate = Estimate(input_tokens=1, output_tokens=1, cost_micro=cost, most_micro=cost)
    return Candidate(model=described, estimate=estimate, obstacle=obstacle)


MLX = candidate("mlx/smol", local=True, quality=0.3)
OLLAMA = candidate("ollama/llama", local=True)
CODER = candidate("ollama/qwen-coder", "code", local=True, quality=0.6)
MISTRAL = candidate("mistral/large", "creative", quality=0.85, cost=2000)
CLAUDE = candidate("anthropic/claude", "creative", "code", quality=0.97, cost=9000)
GPT = candidate("openai/gpt", "code", quality=0.95, cost=8000)
EVERYBODY = [GPT, CLAUDE, MISTRAL, CODER, OLLAMA, MLX]


@pytest.mark.parametrize(
    ("wishes", "rule", "chosen"),
    [
        (Wishes(), "default", "mlx/smol"),
        (Wishes(require_local=True, require_quality=0.2), "require_local", "mlx/smol"),
        (Wishes(private=True, task_type="code"), "require_local", "mlx/smol"),
        (Wishes(require_quality=0.91), "top_tier", "anthropic/claude"),
        (Wishes(require_quality=0.91, task_type="code"), "top_tier", "anthropic/claude"),
        (Wishes(require_quality=0.91, max_cost=0.001), "over_threshold", "ollama/qwen-coder"),
        (Wishes(task_type="code"), "code", "ollama/qwen-coder"),
        (Wishes(task_type="creative"), "creative", "mistral/large"),
        (Wishes(task_type="creative", max_cost=0.001), "over_threshold", "mlx/smol"),
        (Wishes(task_type="creative", max_cost=0.005), "creative", "mistral/large"),
    ],
)
def test_the_first_rule_that_applies_chooses(wishes: Wishes, rule: str, chosen: str) -> None:
    decision = DefaultRouter().route(wishes, EVERYBODY)
    assert (decision.rule, decision.chosen) == (rule, chosen)


def test_a_request_fails_if_every_model_costs_too_much() -> None:
    with pytest.raises(NoModel, match=r"anthropic/claude would cost more than \$0\.001"):
        DefaultRouter().route(Wishes(require_quality=0.91, max_cost=0.001), [CLAUDE, GPT])


def test_an_unknown_price_exceeds_a_maximum_of_zero() -> None:
    unpriced = candidate("openai/new", quality=0.95, cost=None)
    with pytest.raises(NoModel, match="openai/new: its price is unknown"):
        DefaultRouter().route(Wishes(require_quality=0.9, max_cost=0), [unpriced])
    assert DefaultRouter().route(Wishes(require_quality=0.9, max_cost=0.01), [unpriced]).chosen == "openai/new"


def test_the_reason_names_the_kind_of_model_that_replaces_a_too_expensive_one() -> None:
    decision = DefaultRouter().route(Wishes(require_quality=0.91, max_cost=0.0085), [CLAUDE, GPT])
    assert (decision.chosen, decision.reason.partition(": ")[2]) == ("openai/gpt", "a cheaper model instead.")


def test_the_top_tier_begins_above_nine_tenths() -> None:
    """A required quality of 0.9 is an ordinary minimum; above it, the best model of at least 0.9 answers."""
    edge, below = (candidate("cloud/edge", quality=0.9, cost=1), candidate("cloud/below", quality=0.89, cost=0))
    assert DefaultRouter().route(Wishes(require_quality=0.9), [edge, CLAUDE]).rule == "default"
    assert DefaultRouter().route(Wishes(require_quality=0.9), [edge, CLAUDE]).chosen == "cloud/edge"
    above = DefaultRouter().route(Wishes(require_quality=0.9000001), [edge, CLAUDE])
    assert (above.rule, above.chosen) == ("top_tier", "anthropic/claude")
    with pytest.raises(NoModel, match="requires the best quality") as refused:
        DefaultRouter().route(Wishes(require_quality=0.95), [below, edge])
    assert "cloud/edge: its quality is 0.9, and 0.95 is required" in refused.value.message
    assert "cloud/below" not in refused.value.message


def test_the_default_goes_from_mlx_to_ollama_to_the_cheapest() -> None:
    decision = DefaultRouter().route(Wishes(), EVERYBODY)
    assert decision.fallbacks == (
        "ollama/qwen-coder",
        "ollama/llama",
        "mistral/large",
        "openai/gpt",
        "anthropic/claude",
    )


def test_a_local_request_has_only_local_fallbacks() -> None:
    decision = DefaultRouter().route(Wishes(require_local=True), EVERYBODY)
    assert decision.fallbacks == ("ollama/qwen-coder", "ollama/llama")
    assert {one.model: one.reason for one in decision.rejected}["openai/gpt"] == "the request must stay on this machine"


def test_a_task_without_its_specialist_goes_to_the_default() -> None:
    assert DefaultRouter().route(Wishes(task_type="code"), [MLX, MISTRAL]).rule == "default"


def test_unsuitable_models_are_rejected_with_reasons() -> None:
    locked = candidate("openai/gpt", quality=0.95, obstacle="no key: set OPENAI_API_KEY")
    decision = DefaultRouter().route(Wishes(require_quality=0.4), [locked, MLX, OLLAMA])
    assert [(one.model, one.reason) for one in decision.rejected] == [
        ("openai/gpt", "no key: set OPENAI_API_KEY"),
        ("mlx/smol", "its quality is 0.3, and 0.4 is required"),
    ]
    with pytest.raises(NoModel, match="openai/gpt: no key: set OPENAI_API_KEY"):
        DefaultRouter().route(Wishes(require_quality=0.95), [locked, MLX])


def test_the_error_without_any_model_explains_how_to_begin() -> None:
    with pytest.raises(NoModel, match="Start Ollama, or install a backend: 'avstudio-llm'"):
        DefaultRouter().route(Wishes(), [])


CANDIDATES = st.builds(
    candidate,
    st.sampled_from(["mlx/a", "ollama/b", "lmstudio/c", "openai/d", "anthropic/e", "mistral/f"]),
    st.sampled_from(["code", "creative", "general"]),
    quality=st.floats(0, 1),
    cost=st.one_of(st.none(), st.integers(0, 10**7)),
    obstacle=st.one_of(st.none(), st.just("down")),
).map(
    lambda one: one.model_copy(
        update={"model": one.model.model_copy(update={"local": one.model.backend in ("mlx", "ollama", "lmstudio")})}
    )
)


@given(
    st.lists(CANDIDATES, unique_by=lambda one: one.model.id),
    st.builds(
        Wishes,
        require_local=st.booleans(),
        private=st.booleans(),
        require_quality=st.floats(0, 1),
        task_type=st.sampled_from(["code", "creative", "general"]),
        max_cost=st.one_of(st.none(), st.floats(0, 5)),
    ),
)
def test_every_candidate_is_ordered_or_rejected_and_every_wish_is_kept(there: list[Candidate], wishes: Wishes) -> None:
    known = {one.model.id: one for one in there}
    try:
        decision = DefaultRouter().route(wishes, there)
    except NoModel:
        return
    order = (decision.chosen, *decision.fallbacks)
    assert sorted([*order, *(one.model for one in decision.rejected)]) == sorted(known)
    assert all(one.reason for one in decision.rejected)
    for name in order:
        assert known[name].obstacle is None
        instead = decision.rule == "over_threshold" and known[name].model.local
        assert known[name].model.quality >= wishes.require_quality or instead
        assert known[name].model.local or not (wishes.private or wishes.require_local)
        if wishes.max_cost is not None and not known[name].model.local:
            assert (known[name].estimate.cost_micro or 0) <= wishes.max_cost * 1e6
    assert decision.rule in {*(rule.name for rule in RULES), "over_threshold"}
