"""The default router: named rules, tried in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from avstudio_core.chat import Wishes
from avstudio_core.errors import BackendDown, ModelError, NoModel
from avstudio_core.kinds.router import Router
from avstudio_core.route_decision import Candidate, Rejected, RouteDecision

TOP_TIER = 0.9
LOCAL_ORDER = ("mlx", "ollama")
"""Local backends in the order of preference; others come after them."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A named rule: whether it applies, which models it admits, and which it prefers."""

    name: str
    reason: str
    applies: Callable[[Wishes], bool]
    admits: Callable[[Candidate], bool]
    prefers: Callable[[Candidate], tuple[object, ...]]
    strict: bool = False
    """Whether no other model may answer, even if the rule admits none."""


def _local_first(candidate: Candidate) -> tuple[object, ...]:
    """MLX, Ollama, other local models, then the cheapest; of equal ones, the better one first."""
    model = candidate.model
    place = LOCAL_ORDER.index(model.backend) if model.backend in LOCAL_ORDER else len(LOCAL_ORDER)
    cost = candidate.estimate.cost_micro
    return (not model.local, place if model.local else 0, cost if cost is not None else float("inf"), -model.quality)


def _best_first(candidate: Candidate) -> tuple[object, ...]:
    return (-candidate.model.quality, *_local_first(candidate))


RULES = (
    Rule(
        "require_local",
        "The request must stay on this machine.",
        lambda wishes: wishes.require_local or wishes.private,
        lambda candidate: candidate.model.local,
        _local_first,
        strict=True,
    ),
    Rule(
        "top_tier",
        "The request requires the best quality.",
        lambda wishes: wishes.require_quality > TOP_TIER,
        lambda candidate: candidate.model.quality >= TOP_TIER,
        _best_first,
        strict=True,
    ),
    Rule(
        "code",
        "The task is code: a model for code.",
        lambda wishes: wishes.task_type == "code",
        lambda candidate: "code" in candidate.model.tags,
        _local_first,
    ),
    Rule(
        "creative",
        "The task is creative: a model that is good at it.",
        lambda wishes: wishes.task_type == "creative",
        lambda candidate: "creative" in candidate.model.tags,
        _local_first,
    ),
    Rule(
        "default",
        "Free and local models first: MLX, then Ollama, then the configured ones.",
        lambda wishes: True,
        lambda candidate: True,
        _local_first,
    ),
)
OVER_THRESHOLD = "over_threshold"


class DefaultRouter(Router):
    """Considers policy and abilities first; then location, cost, quality, task, and free models."""

    name: ClassVar[str] = "default"

    def route(self, wishes: Wishes, candidates: Sequence[Candidate]) -> RouteDecision:
        free = [one for one in candidates if one.obstacle is None and one.model.quality >= wishes.require_quality]
        for rule in RULES:
            if not rule.applies(wishes):
                continue
            admitted = sorted(filter(rule.admits, free), key=rule.prefers)
            if admitted:
                return _within_threshold(wishes, rule, admitted, free, candidates)
            if rule.strict:
                raise _no_model(rule.reason, wishes, candidates, rule.admits)
        raise _no_model("No model can answer.", wishes, candidates, lambda candidate: True)


def _within_threshold(
    wishes: Wishes, rule: Rule, admitted: list[Candidate], free: list[Candidate], candidates: Sequence[Candidate]
) -> RouteDecision:
    """The rule's choice, or a local model if that costs more than the request allows."""
    if not _too_dear(wishes, admitted[0]):
        after = [one for one in admitted if not _too_dear(wishes, one)]
        rest = [] if rule.strict else sorted((one for one in free if one not in admitted), key=_local_first)
        order = [*after, *(one for one in rest if not _too_dear(wishes, one))]
        return _decision(rule.name, rule.reason, order, wishes, candidates)
    affordable = sorted((one for one in free if not _too_dear(wishes, one)), key=_local_first)
    other = "cheaper" if affordable and not affordable[0].model.local else "local"
    reason = f"{admitted[0].model.id} would cost more than ${wishes.max_cost:g}: a {other} model instead."
    if not affordable:  # the limit of the cost takes precedence over the quality
        affordable = sorted((one for one in candidates if one.obstacle is None and one.model.local), key=_best_first)
        reason = f"{reason} No local model has the quality {wishes.require_quality:g}."
    if not affordable:
        raise _no_model(reason, wishes, candidates, lambda candidate: True)
    return _decision(OVER_THRESHOLD, reason, affordable, wishes, candidates)


def _decision(
    name: str, reason: str, order: list[Candidate], wishes: Wishes, candidates: Sequence[Candidate]
) -> RouteDecision:
    chosen, *others = order
    kept = {one.model.id for one in order}
    rejected = tuple(
        _rejected(one.model.id, _why_not(one, wishes, reason), one.hint)
        for one in candidates
        if one.model.id not in kept
    )
    return RouteDecision(
        rule=name,
        reason=reason,
        chosen=chosen.model.id,
        context=chosen.model.can.context,
        estimate=chosen.estimate,
        fallbacks=tuple(one.model.id for one in others),
        rejected=rejected,
    )


@lru_cache(maxsize=1024)
def _rejected(model: str, reason: str, hint: str) -> Rejected:
    return Rejected(model=model, reason=reason, hint=hint)


def _too_dear(wishes: Wishes, candidate: Candidate) -> bool:
    limit = wishes.max_cost
    return limit is not None and not candidate.model.local and candidate.estimate.exceeds(limit)


def _why_not(candidate: Candidate, wishes: Wishes, rule: str) -> str:
    if candidate.obstacle is not None:
        return candidate.obstacle
    if candidate.model.quality < wishes.require_quality:
        return f"its quality is {candidate.model.quality:g}, and {wishes.require_quality:g} is required"
    if _too_dear(wishes, candidate):
        return candidate.estimate.in_words
    return rule.rstrip(".").lower()


def _no_model(
    reason: str, wishes: Wishes, candidates: Sequence[Candidate], admits: Callable[[Candidate], bool]
) -> ModelError:
    """The error with the reason why each of the best candidates cannot answer; `BackendDown` if one may soon."""
    near = [one for one in candidates if admits(one)][:4]
    if not near:
        hint = "Start Ollama, or install a backend: 'avstudio-llm' has several. See the list of models."
        return NoModel(f"{reason} No such model is available.", hint=hint)
    obstacles = "; ".join(f"{one.model.id}: {_why_not(one, wishes, reason)}" for one in near)
    ways = (*dict.fromkeys(one.hint for one in near if one.hint), "See the list of models.")
    kind = BackendDown if any(one.passing for one in near) else NoModel
    return kind(f"{reason} But {obstacles}.", hint=" ".join(ways))
