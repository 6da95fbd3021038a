"""Which tasks a user wants to see."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, TypedDict

from sqlalchemy import ColumnElement

from avstudio_core.errors import InvalidInput
from avstudio_core.names import checked
from avstudio_core.page import cursor_of, moment
from avstudio_core.quotes import quoted
from avstudio_core.storage.tables import DEFAULT_PROJECT, tasks
from avstudio_core.tasks.queue import statements
from avstudio_core.tasks.queue.known_names import KnownNames
from avstudio_core.tasks.states import State

NAMES = {
    "processor": (tasks.c.processor, "name of a processor"),
    "project": (tasks.c.project, "name of a project"),
    "plan_id": (tasks.c.plan_id, "plan id"),
    "run_id": (tasks.c.run_id, "run id"),
}
DAY = 86_400.0
"""The id of a task is up to so many seconds older than the task: before it is stored, its files are taken in."""


class TaskFilter(TypedDict, total=False):
    """The conditions of `find` and `page`; each task meets all that are given."""

    states: Collection[State]
    processor: str | None
    project: str | None
    plan_id: str | None
    run_id: str | None
    since: float | None
    """Created at this time or later, in seconds since the epoch."""
    until: float | None
    """Created before this time."""
    before: str | None
    """Older than the task of this id: the cursor of a page."""


def conditions(wanted: TaskFilter) -> Iterator[ColumnElement[bool]]:
    """The conditions of a filter in SQL. Raises `InvalidInput`."""
    if unknown := set(wanted).difference(TaskFilter.__annotations__):
        known = ", ".join(TaskFilter.__annotations__)
        raise InvalidInput(f"{quoted(min(unknown))} is not a condition for tasks.", hint=f"Use: {known}.")
    if states := _valid_states(wanted.get("states", ())):
        yield tasks.c.state.in_([str(state) for state in states])
        if State.COMPLETED not in states:
            yield statements.UNFINISHED
    for name, (column, what) in NAMES.items():
        given: Any = wanted.get(name)
        if given is not None:
            yield column == checked(given, what)
            if name == "project" and given != DEFAULT_PROJECT:
                yield statements.NAMED_PROJECT
    yield from _between(moment(wanted.get("since")), moment(wanted.get("until")))
    if (before := wanted.get("before")) is not None:
        yield tasks.c.id < cursor_of(before, "task")


def check_names(known: KnownNames, wanted: TaskFilter) -> None:
    """Raises `NotFound` for a name in a filter that no task could have."""
    plan, run = wanted.get("plan_id"), wanted.get("run_id")
    known.check(processor=wanted.get("processor"), project=wanted.get("project"), plan=plan, run=run)


def _between(since: float | None, until: float | None) -> Iterator[ColumnElement[bool]]:
    """The conditions for the time; those for the id find the place in the table."""
    if since is not None:
        yield tasks.c.created_at >= since
        yield tasks.c.id >= _id(since - DAY)
    if until is not None:
        yield tasks.c.created_at < until
        yield tasks.c.id < _id(until)


def _id(moment: float) -> str:
    """Less than the ids that are made from a time on."""
    return f"task_{max(0, min(int(moment * 1e9), 2**63)):016x}"


def _valid_states(given: Collection[State]) -> list[State]:
    try:
        return [State(one) for one in given]
    except (TypeError, ValueError):
        raise InvalidInput(f"{quoted(given)} are not states.", hint=f"Give some of: {', '.join(State)}.") from None
