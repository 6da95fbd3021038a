"""The steps of a plan, as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avstudio_core import CheckedStep, KeptPlan


def kept_data(plan: KeptPlan) -> dict[str, Any]:
    """A submitted plan, with the state that tells most about it."""
    return plan.model_dump(mode="json") | {"state": plan.state}


def plan_data(steps: Sequence[CheckedStep]) -> list[dict[str, Any]]:
    """What each step would read, need and make; nothing has run."""
    return [
        {
            "step": one.step.id,
            "processor": one.step.processor,
            "source": one.reads,
            "params": dict(one.step.params),
            "outputs": dict(one.outputs),
            "needs": one.needs.model_dump(mode="json"),
            "comes_first_for": one.leads_to,
        }
        for one in steps
    ]
