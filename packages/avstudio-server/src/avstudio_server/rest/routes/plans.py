"""Plans: check, submit, list, show, follow, cancel, retry, delete."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.requests import Request
from starlette.responses import Response

from avstudio_core import KeptPlan, Plan, PlanHandle, Session, State, Task
from avstudio_server.http.caller import CallerSession
from avstudio_server.http.event_query import After, OpenStreams
from avstudio_server.http.named_values import PlanId, TaskId
from avstudio_server.rest.documents import UNCHANGED, document, tagged
from avstudio_server.rest.event_stream import lines
from avstudio_server.rest.idempotency import Key, earlier, submitted
from avstudio_server.rest.inputs import named_files
from avstudio_server.rest.nouns import routes_of
from avstudio_server.rest.pages import AFTER, MOST, Deleted, Limit, Next, OnlyTell
from avstudio_server.rest.routes.tasks import Retried
from avstudio_server.rest.run_query import DryRun, HowToRun, Prefer, planned, wait_seconds
from avstudio_server.views.plans import kept_data

router = routes_of("plans")
Cursor = Annotated[PlanId | None, Query(description=AFTER)]
TaskCursor = Annotated[TaskId | None, Query(description=AFTER)]


class NewPlan(BaseModel):
    """A plan to run: an expression such as `audio.separate:vocals | audio.transcribe`, or steps."""

    model_config = ConfigDict(extra="forbid")

    plan: str | dict[str, JsonValue] = Field(description="An expression, or an object with 'steps'.")
    source: str | None = Field(
        default=None, description="The file to process: the id of an artifact, or `task_…:output`."
    )

    def parsed(self) -> Plan | str:
        """The plan. Raises `InvalidPlan`."""
        return self.plan if isinstance(self.plan, str) else Plan.model_validate(self.plan)


class PlanStatus(BaseModel):
    """A submitted plan with a page of its tasks, in the order of their creation."""

    id: str
    state: State = Field(description="The state of a task that tells most about the plan.")
    states: dict[State, int] = Field(description="How many of all its tasks are in each state.")
    tasks: list[Task]
    next: Next


class PlanLine(BaseModel):
    """A submitted plan, with the number of its tasks in each state."""

    id: str
    owner: str
    project: str
    text: str = Field(description="The expression or the JSON that was submitted.")
    created_at: float
    state: State | None = Field(description="The state that tells most about it; null if its tasks were deleted.")
    states: dict[State, int]


class PlanPage(BaseModel):
    """A page of plans, the newest first."""

    plans: list[PlanLine]
    next: Next


def status(session: Session, plan_id: str, limit: int = MOST, cursor: str | None = None) -> PlanStatus:
    """A plan as it is now, with a page of its tasks. Raises `NotFound`."""
    page = session.tasks.steps(plan_id, limit, after=cursor)
    states = session.tasks.states_of_plan(plan_id)
    state = KeptPlan.telling(states) or State.COMPLETED
    return PlanStatus(id=plan_id, state=state, states=states, tasks=page.items, next=page.next)


def _known(plan_id: str, session: CallerSession) -> PlanHandle:
    """A plan of the one who asks. Raises `NotFound`."""
    return session.plan(plan_id)


Known = Annotated[PlanHandle, Depends(_known)]


@router.post("", response_model=PlanStatus, status_code=202, responses={200: {"model": PlanStatus | DryRun}})
async def submit(
    request: Request,
    given: NewPlan,
    session: CallerSession,
    how: HowToRun,
    key: Key,
    prefer: Prefer = "",
) -> Response:
    """Check a whole plan, then run it. With `dry_run`, say what it would do and need instead."""
    asked = key.digest(given.model_dump(mode="json"))
    found = None if how.dry_run else await earlier(session, how, key, asked)
    if found is None:
        plan = given.parsed()
        async with named_files(request, session) as files:
            source = await files.ids(given.source)
            if how.dry_run:
                would = await planned(session, plan, source, how)
                await files.discard()
                return document(would)
            found = await submitted(session, plan, source, how, key, asked)
    handle = found.plan
    seconds = wait_seconds(prefer)
    if seconds:
        await _all_ended(session, handle, seconds)
    now = await asyncio.to_thread(status, session, handle.plan_id)
    done = seconds and now.state is State.COMPLETED
    return document(now, 200 if done else 202, {"Location": f"/api/v1/plans/{handle.plan_id}", **found.headers})


async def _all_ended(session: Session, handle: PlanHandle, seconds: float) -> None:
    """Wait for the end of all steps, at most so many seconds."""
    ends = [asyncio.wrap_future(session.tasks.ended(step.task_id)) for step in handle.steps.values()]
    _, left = await asyncio.wait(ends, timeout=seconds)
    for one in left:
        one.cancel()


@router.get("", response_model=PlanPage)
def find(session: CallerSession, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """The submitted plans, the newest first. A task that was submitted alone is not among them."""
    page = session.tasks.plans.page(limit, before=cursor)
    plans = [PlanLine.model_validate(kept_data(plan)) for plan in page.items]
    return document(PlanPage(plans=plans, next=page.next))


@router.get("/{plan_id}", response_model=PlanStatus, responses=UNCHANGED)
def show(
    request: Request, plan_id: str, session: CallerSession, limit: Limit = MOST, cursor: TaskCursor = None
) -> Response:
    """A plan as it is now, with a page of its tasks, in the order of their creation."""
    return tagged(request, status(session, plan_id, limit, cursor))


@router.get("/{plan_id}/events", response_class=EventSourceResponse)
async def events(plan: Known, after: After, streams: OpenStreams) -> AsyncIterator[ServerSentEvent]:
    """The events of all tasks of a plan, stored ones first, until they have ended."""
    async for line in lines(streams, plan.events(after or 0)):
        yield line


@router.post("/{plan_id}/cancel", response_model=PlanStatus, status_code=202)
def cancel(plan_id: str, session: CallerSession) -> Response:
    """Cancel every task of a plan that has not ended, at once."""
    session.tasks.cancel_plan(plan_id)
    return document(status(session, plan_id), 202)


@router.post("/{plan_id}/retry", response_model=Retried, status_code=202)
def retry(plan_id: str, session: CallerSession) -> Response:
    """Run all tasks of a plan that failed or are blocked again."""
    return document(Retried(tasks=session.retry_plan(plan_id)), 202)


@router.delete("/{plan_id}", response_model=Deleted)
def delete(plan_id: str, session: CallerSession, dry_run: OnlyTell = False) -> Response:
    """Delete the tasks of a plan, with what they made. 409 if one has not ended, or another task needs one."""
    return document(Deleted.of(session.tasks.delete_plan(plan_id, dry_run=dry_run)))
