"""Stores new tasks: those of a submitted plan, and those of a plan in the result of a task."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from avstudio_core.storage.database import Transaction
from avstudio_core.tasks.events import event_log
from avstudio_core.tasks.queue import run_rows, statements
from avstudio_core.tasks.queue.queue_types import NewTask
from avstudio_core.tasks.task import TaskOptions

INHERITED = ("priority", "retries", "strict", "cache", "project")
"""The options that tasks have from the task whose result holds their plan."""


def store(
    transaction: Transaction, new: Sequence[NewTask], options: TaskOptions, now: float, shared: Mapping[str, Any]
) -> None:
    """Add tasks; `shared` are the columns that they have in common."""
    leading = {needed for task in new for needed in (*task.needs, *task.after)}
    for task in new:
        values = statements.new_task(task.id, now, options)
        values |= shared
        values |= {
            "step": task.step,
            "run_id": task.run_id or shared.get("run_id"),
            "processor": task.processor,
            "lane": task.lane,
            "params": task.params,
            "source": _json(task.source),
            "inputs": _json(task.inputs),
            "waiting": len(task.needs) + len(task.after),
            "leads": task.id in leading,
        }
        transaction.later(statements.ADD, values)
        for needed in (*task.needs, *task.after):
            dependency = {"task_id": task.id, "needs_id": needed, "ended": needed in task.after}
            transaction.later(statements.ADD_DEPENDENCY, dependency)
        for file in task.files:
            transaction.later(statements.ADD_INPUT, {"task_id": task.id, "artifact_id": file})
        event_log.add(transaction, task.id, "task.submitted", now, type=task.processor, step=task.step)


def _json(value: object) -> str | None:
    return json.dumps(value, separators=(",", ":")) if value else None


def go_on(transaction: Transaction, row: Mapping[Any, Any], new: Sequence[NewTask], now: float, origin: str) -> None:
    """Add the tasks of the plan in a result, in the transaction that completes its task. Raises `RunLimitReached`."""
    transaction.flush()  # so that the files that the task made are there
    options = TaskOptions.model_validate({name: row[name] for name in INHERITED})
    if row["run_id"] is None:
        run_rows.refuse_growth(transaction, row["plan_id"], len(new))
    else:
        run_rows.reserve_steps(transaction, row["run_id"], len(new))
    shared = {name: row[name] for name in ("plan_id", "owner", "key", "run_id")}
    store(transaction, new, options, now, {**shared, "origin": origin})


def written(new: Sequence[NewTask]) -> str:
    """Tasks as JSON, kept until a person accepts the result that holds their plan."""
    return json.dumps([asdict(one) for one in new])


def read(text: str | None) -> list[NewTask]:
    """The tasks that `written` wrote."""
    lists = ("files", "needs", "after")
    return [NewTask(**{**one, **{name: tuple(one[name]) for name in lists}}) for one in json.loads(text or "[]")]
