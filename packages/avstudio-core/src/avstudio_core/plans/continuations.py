"""A plan in a task's result, with which the studio goes on when the task completes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple, get_args

from avstudio_core.artifact import Artifact
from avstudio_core.plans.plan import Plan
from avstudio_core.results import Result

RESULT = "result"
"""In such a plan, the name of the task that made it: `result.vocals` refers to one of its outputs."""


class Continuation(NamedTuple):
    """A plan, and the task whose result holds it. The source of the task is the source of the plan."""

    plan: Plan
    task_id: str
    step: str
    project: str
    owner: str
    processor: str
    source: Artifact | None
    result: Result


def plan_in(result: Result) -> Plan | None:
    """The plan in a result: the first in a field of the type `Plan`, or `Plan | None`."""
    fields = _plan_fields(type(result))
    return next((plan for name in fields if isinstance(plan := getattr(result, name), Plan)), None)


@lru_cache(maxsize=1024)
def _plan_fields(kind: type[Result]) -> tuple[str, ...]:
    return tuple(name for name, field in kind.model_fields.items() if _may_be_plan(field.annotation))


def _may_be_plan(annotation: Any) -> bool:
    return annotation is Plan or Plan in get_args(annotation)
