"""Tasks as they are listed and shown."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import NotFound
from avstudio_core.tasks.states import ENDED, State
from avstudio_server.cli.terminal.display import spoken
from avstudio_server.cli.terminal.tables import table
from avstudio_server.cli.text.results import answer, rendered
from avstudio_server.views.task_names import source_name

if TYPE_CHECKING:
    from avstudio_core.studio import Studio
    from avstudio_core.tasks.task import Task


UNENDED = tuple(state for state in State if state not in ENDED)
CALLED = {"plan_id": "plan", "source_name": "source"}


def states(names: Sequence[str]) -> list[State]:
    """States by their names, in any case. Raises `NotFound`."""
    known = {str(state): state for state in State}
    for name in names:
        if name.upper().replace("-", "_") not in known:
            raise NotFound.among("state", name.upper(), known)
    return [known[name.upper().replace("-", "_")] for name in names]


def task_table(studio: Studio, tasks: Sequence[Task]) -> str:
    """One line a task, the newest last."""
    rows = [
        (one.id, one.state, one.processor, source_name(studio, one), f"{one.percent:.0f} %", _age(one), _said(one))
        for one in tasks
    ]
    return table(("TASK", "STATE", "PROCESSOR", "SOURCE", "DONE", "AGE", ""), rows)


def task_data(studio: Studio, name: str) -> dict[str, Any]:
    """All that is known of a task, with the paths of its files and its events."""
    from avstudio_core.tasks.events.event_log import after

    task = studio.tasks.get(name)
    files = answer(task, studio.result_of(task)).files if task.result is not None else {}
    events = [event.model_dump(mode="json") for event in after(studio.tasks.database, [name], 0)]
    shown = task.model_dump(mode="json") | {"source_name": source_name(studio, task)}
    return shown | {"files": {key: str(path) for key, path in files.items()}, "events": events}


def task_text(data: dict[str, Any]) -> str:
    """A task for people."""
    return "\n".join(_lines(data))


def stopped(studio: Studio, name: str) -> State:
    """The state of a cancelled task, waited for as long as stopping one may take."""
    deadline = time.monotonic() + studio.settings.cancel_seconds + studio.settings.lease_seconds / 4 + 5
    while (state := studio.tasks.get(name).state) not in ENDED and time.monotonic() < deadline:
        time.sleep(0.05)
    return state


def _lines(data: dict[str, Any]) -> Iterator[str]:
    for name in (
        "id",
        "plan_id",
        "processor",
        "source_name",
        "state",
        "reason",
        "percent",
        "message",
        "attempts",
        "priority",
        "project",
    ):
        yield from rendered(CALLED.get(name, name), data[name])
    for name in ("created_at", "started_at", "finished_at"):
        if data[name]:
            yield f"{name}: {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(data[name]))}"
    yield from rendered("params", data["params"])
    if data["error"]:
        yield from rendered("error", data["error"]["message"])
        yield from rendered("traceback", [{"line": line} for line in data["error"]["traceback"].splitlines()][-1:])
    yield from rendered("files", data["files"])
    yield from rendered("effective", (data["result"] or {}).get("effective", {}))
    yield "events:"
    for event in data["events"]:
        if event["type"] not in ("task.progress", "task.log"):
            yield f"  {time.strftime('%H:%M:%S', time.localtime(event['time']))} {event['type']}"


def _age(task: Task) -> str:
    return spoken(max(0.0, time.time() - task.created_at))


def _said(task: Task) -> str:
    if task.error and task.state in (State.FAILED, State.BLOCKED):
        return task.error.message
    if task.cancelling:
        return "stopping"
    return "" if task.state in ENDED else task.message
