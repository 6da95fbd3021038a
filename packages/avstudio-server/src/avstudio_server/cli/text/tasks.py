"""Tasks as a table, and one task as lines."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from avstudio_core import State
from avstudio_core.errors import with_hint
from avstudio_core.tasks.states import ENDED
from avstudio_server.cli.hints import hint
from avstudio_server.cli.terminal.display import duration_text
from avstudio_server.cli.terminal.tables import table
from avstudio_server.cli.text.results import rendered

if TYPE_CHECKING:
    from avstudio_core import Task

TITLES = {"plan_id": "plan", "source_name": "source"}


def task_table(tasks: Sequence[Task], sources: Mapping[str, str]) -> str:
    """One line for each task, the newest last; `sources` has the file name of each."""
    rows = [
        (one.id, one.state, one.processor, sources[one.id], f"{one.percent:.0f} %", _age(one), _remark(one))
        for one in tasks
    ]
    return table(("TASK", "STATE", "PROCESSOR", "SOURCE", "DONE", "AGE", ""), rows)


def task_text(data: dict[str, Any]) -> str:
    """A task as text."""
    return "\n".join(_lines(data))


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
        yield from rendered(TITLES.get(name, name), data[name])
    for name in ("created_at", "started_at", "finished_at"):
        if data[name]:
            yield f"{name}: {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(data[name]))}"
    yield from rendered("params", data["params"])
    if data["error"]:
        error = data["error"]
        yield from rendered("error", with_hint(error["message"], hint(error["code"], error["hint"])))
        yield from rendered("traceback", [{"line": line} for line in data["error"]["traceback"].splitlines()][-1:])
    yield from rendered("files", data["files"])
    yield from rendered("effective", (data["result"] or {}).get("effective", {}))
    yield "events:"
    for event in data["events"]:
        if event["type"] not in ("task.progress", "task.log"):
            yield f"  {time.strftime('%H:%M:%S', time.localtime(event['time']))} {event['type']}"


def _age(task: Task) -> str:
    return duration_text(max(0.0, time.time() - task.created_at))


def _remark(task: Task) -> str:
    if task.error and task.state in (State.FAILED, State.BLOCKED):
        return with_hint(task.error.message, hint(task.error.code, task.error.hint))
    if task.cancelling:
        return "stopping"
    return "" if task.state in ENDED else task.message
