"""How a request's work is run: the query parameters of every route that submits tasks."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Header, Query
from pydantic import BaseModel, Field

from avstudio_core import CheckedStep, Plan, Session, TaskOptions
from avstudio_server.http.named_values import WebhookId
from avstudio_server.views.plans import plan_data

LONGEST_WAIT = 60.0
"""The longest time that a request waits for its result, in seconds."""
WAIT = re.compile(r"(?:^|,)\s*wait\s*=\s*\"?([0-9]{1,9})\"?\s*(?:$|[,;])")


class RunQuery(TaskOptions):
    """The options of the tasks, and whether to run them at all."""

    dry_run: bool = Field(default=False, description="Say what would be done and needed; run nothing.")

    webhook: WebhookId | None = Field(default=None, description="The id of a webhook that is notified of its events.")

    @property
    def options(self) -> TaskOptions:
        return TaskOptions.model_validate(self.model_dump(exclude={"dry_run", "webhook"}, exclude_unset=True))


HowToRun = Annotated[RunQuery, Query()]
Prefer = Annotated[str, Header(description="`wait=N` waits so many seconds, at most 60, for the result (RFC 7240).")]


class PlannedStep(BaseModel):
    """What a step would read, need and make."""

    step: str
    processor: str
    source: str | None = Field(description="An output of an earlier step, or `source`: that of the plan.")
    params: dict[str, object]
    outputs: dict[str, str]
    needs: dict[str, object]
    comes_first_for: str | None


class DryRun(BaseModel):
    """What would be done; nothing has run."""

    steps: list[PlannedStep]

    @classmethod
    def of(cls, steps: list[CheckedStep]) -> DryRun:
        return cls.model_validate({"steps": plan_data(steps)})


async def planned(session: Session, plan: Plan | str, source: Any, how: RunQuery) -> DryRun:
    """What would be done. Raises what submitting it would raise."""
    if how.webhook is not None:
        await session.webhooks.aget(how.webhook)
    return DryRun.of(await session.acheck_plan(plan, source, options=how.options))


def wait_seconds(prefer: str) -> float:
    """The seconds of the header `Prefer: wait=N`; 0 without it."""
    found = WAIT.search(prefer)
    return min(float(found[1]), LONGEST_WAIT) if found else 0.0
