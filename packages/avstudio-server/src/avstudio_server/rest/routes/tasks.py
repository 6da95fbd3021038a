"""Tasks: list, show, follow, cancel, retry, review, delete."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from avstudio_core import OwnedTasks, Page, State, Task
from avstudio_server.http.caller import CallerSession
from avstudio_server.http.event_query import After, OpenStreams
from avstudio_server.http.named_values import Name, PlanId, ProcessorName, RunId, TaskId
from avstudio_server.rest.documents import UNCHANGED, document, tagged
from avstudio_server.rest.event_stream import lines
from avstudio_server.rest.nouns import routes_of
from avstudio_server.rest.pages import MOST, Deleted, Next, OnlyTell

router = routes_of("tasks")


class TaskQuery(BaseModel):
    """Which tasks a list has: those that meet all conditions that are given."""

    model_config = ConfigDict(extra="forbid")

    state: list[State] = Field(default=[], description="In this state; can be repeated.")
    processor: ProcessorName | None = Field(default=None, description="Of this processor.")
    project: Name | None = Field(default=None, description="In this project.")
    plan: PlanId | None = Field(default=None, description="Of the plan with this id.")
    run: RunId | None = Field(default=None, description="Of the run with this id.")
    since: float | None = Field(default=None, allow_inf_nan=False, description="Created at this time or later.")
    until: float | None = Field(default=None, allow_inf_nan=False, description="Created before this time.")
    limit: int = Field(default=50, ge=1, le=MOST, description="How many, at most.")
    cursor: TaskId | None = Field(default=None, description="`next` of the page before.")

    def page(self, tasks: OwnedTasks) -> Page[Task]:
        """The page of the tasks that meet the conditions."""
        return tasks.page(
            self.limit,
            states=self.state,
            processor=self.processor,
            project=self.project,
            plan_id=self.plan,
            run_id=self.run,
            since=self.since,
            until=self.until,
            before=self.cursor,
        )


class TaskPage(BaseModel):
    """A page of tasks, the newest first."""

    tasks: list[Task]
    next: Next


class SendBack(BaseModel):
    """Why a run is sent back."""

    reason: str = Field(min_length=1, max_length=10_000, description="What the next run must do better.")


class Retried(BaseModel):
    """The tasks that will run again."""

    tasks: list[str]


def _known(task_id: str, session: CallerSession) -> str:
    """The id of a task of the one who asks. Raises `NotFound`."""
    return session.tasks.get(task_id).id


Known = Annotated[str, Depends(_known)]


@router.get("", response_model=TaskPage)
def find(wanted: Annotated[TaskQuery, Query()], session: CallerSession) -> Response:
    """The tasks that meet all conditions that are given, the newest first. Times are seconds since the epoch."""
    page = wanted.page(session.tasks)
    return document(TaskPage(tasks=page.items, next=page.next))


@router.get("/{task_id}", response_model=Task, responses=UNCHANGED)
def show(request: Request, task_id: str, session: CallerSession) -> Response:
    """A task as it is now."""
    return tagged(request, session.tasks.get(task_id))


@router.get("/{task_id}/events", response_class=EventSourceResponse)
async def events(
    task_id: Known, session: CallerSession, after: After, streams: OpenStreams
) -> AsyncIterator[ServerSentEvent]:
    """The events of a task, stored ones first, until it has ended."""
    async for line in lines(streams, session.handle(task_id).events(after or 0)):
        yield line


@router.post("/{task_id}/cancel", response_model=Task, status_code=202)
def cancel(task_id: str, session: CallerSession) -> Response:
    """Cancel a task; one that runs stops soon."""
    session.tasks.cancel(task_id)
    return document(session.tasks.get(task_id), 202)


@router.post("/{task_id}/retry", response_model=Retried, status_code=202)
def retry(task_id: str, session: CallerSession) -> Response:
    """Run a failed or blocked task again, with the tasks that it needs or that it blocked."""
    return document(Retried(tasks=session.retry(task_id)), 202)


@router.post("/{task_id}/accept", response_model=Task)
def accept(task_id: str, session: CallerSession) -> Response:
    """Accept the result of a task that waits for a person's review."""
    session.tasks.accept(task_id)
    return document(session.tasks.get(task_id))


@router.post("/{task_id}/send-back", response_model=Task, status_code=202)
def send_back(task_id: str, given: SendBack, session: CallerSession) -> Response:
    """Send the result of a task back: it runs again, with the reason."""
    session.tasks.send_back(task_id, given.reason)
    return document(session.tasks.get(task_id), 202)


@router.delete("/{task_id}", response_model=Deleted)
def delete(task_id: str, session: CallerSession, dry_run: OnlyTell = False) -> Response:
    """Delete a task that has ended, with what it made and what only it was given. 409 if another task needs it."""
    return document(Deleted.of(session.tasks.delete(task_id, dry_run=dry_run)))
