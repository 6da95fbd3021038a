"""What the state changes of tasks have in common; each is a compare-and-set in the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import RowMapping

from avstudio_core.errors import InvalidTransition, NotFound
from avstudio_core.reach import ALL, Reach
from avstudio_core.storage.database import Transaction
from avstudio_core.storage.tables import tasks
from avstudio_core.tasks.events import event_log
from avstudio_core.tasks.queue import statements
from avstudio_core.tasks.queue.queue_types import Rules
from avstudio_core.tasks.states import State, require
from avstudio_core.tasks.task import CANCELLED, DEPENDENCY, RETURNED, Problem


class StateChanges:
    """Each public method of a subclass is one change, with its events, in the given transaction."""

    reach: Reach = ALL
    """The tasks that may be changed."""

    def __init__(self, rules: Rules, clock: Callable[[], float]) -> None:
        self._rules = rules
        self._clock = clock

    def hand_back(self, transaction: Transaction, task_id: str, fence: int, *, deliveries: int | None = None) -> bool:
        """Return a job without counting it: → BLOCKED → PENDING; a cancelled one fails.

        A task with more than one delivery may have ended its studio. The next studio therefore stores the start of the
        run before the run begins.
        """
        row, now = self._held(transaction, task_id, fence), self._clock()
        if row is None:
            return False
        if row["cancelling"]:
            self._end_run(transaction, row, Problem(code=CANCELLED, message="The task was cancelled."))
            return True
        left = row["deliveries"] - 1 if deliveries is None else deliveries
        values = {"deliveries": left, "percent": 0.0, "message": ""}
        state = State(row["state"])
        path = (state,) if state is State.ASSIGNED else _to_running(state)
        self._move(transaction, task_id, *path, State.BLOCKED, State.PENDING, **values)
        self._end_job(transaction, row, RETURNED, now)
        if state is not State.ASSIGNED:
            event_log.add(transaction, task_id, "task.retried", now, reason=RETURNED, pause=0.0)
        return True

    def _completed(self, transaction: Transaction, task_id: str, seconds: float, now: float, *, leads: bool) -> None:
        if leads:
            transaction.run(statements.RELEASE_DEPENDENTS, {"b_id": task_id})
        event_log.add(transaction, task_id, "task.completed", now, duration=seconds)

    def _end_run(
        self, transaction: Transaction, row: RowMapping, problem: Problem, again: Mapping[str, Any] | None = None
    ) -> None:
        """A run ended without a result: → FAILED, and with the values in `again` → PENDING."""
        now, task_id, state = self._clock(), row["id"], State(row["state"])
        path = [*_to_running(state), State.FAILED]
        reason = CANCELLED if row["cancelling"] else problem.code
        values: dict[str, Any] = {"error": problem.model_dump_json(), "reason": reason, "cancelling": False}
        values |= {"result": None, "cache_key": None, "continuation": None}
        if state is State.ASSIGNED:
            values["attempts"] = row["attempts"] + 1
        facts = {"error": problem.message, "hint": problem.hint, "code": reason, "traceback": problem.traceback}
        event_log.add(transaction, task_id, "task.failed", now, **facts)
        self._end_job(transaction, row, reason, now)
        if again is not None:
            self._move(transaction, task_id, *path, State.PENDING, **values, **again)
            pause = max(0.0, again["available_at"] - now)
            event_log.add(transaction, task_id, "task.retried", now, reason=reason, pause=pause)
            return
        self._move(transaction, task_id, *path, finished_at=now, **values)
        transaction.later_of(statements.FORGET_ANSWERS, "b_tasks", task_id, {})
        self._block_dependents(transaction, row, now)

    def _end_job(self, transaction: Transaction, row: RowMapping, outcome: str, now: float) -> None:
        values = {"b_task": row["id"], "b_fence": row["fence"], "outcome": outcome, "now": now}
        transaction.later(statements.JOB_OF_TASK_ENDED, values)

    def _block_dependents(self, transaction: Transaction, row: RowMapping, now: float) -> None:
        """A task has ended without a result: those that wait for its result, also indirectly, go PENDING → BLOCKED.

        Those that wait only for its end, or for the end of a task that is blocked now, wait no longer.
        """
        if not row["leads"]:
            return
        message = f"Step '{row['step']}' ({row['processor']}), for which this step waits, did not complete."
        problem = Problem(code=DEPENDENCY, message=message)
        values = {"b_id": row["id"], "b_reason": DEPENDENCY, "b_error": problem.model_dump_json(), "b_now": now}
        blocked = sorted(transaction.execute(statements.BLOCK_WAITING, values).scalars())
        for task_id in blocked:
            event_log.add(transaction, task_id, "task.blocked", now, reason=DEPENDENCY, needs=row["id"])
        transaction.execute(statements.RELEASE_AFTER, {"b_ids": json.dumps([row["id"], *blocked])})

    def _held(self, transaction: Transaction, task_id: str, fence: int) -> RowMapping | None:
        """The row, if the fencing token is the newest and the task is assigned or in progress."""
        row: RowMapping | None = (
            transaction.execute(statements.HELD, {"id": task_id, "fence": fence}).mappings().first()
        )
        return row

    def _row(self, transaction: Transaction, task_id: str) -> RowMapping:
        values = {"id": task_id, **self.reach.values}
        row: RowMapping | None = transaction.execute(statements.ROW, values).mappings().first()
        if row is None:
            raise NotFound(f"No task has the id '{task_id}'.", hint="See the list of tasks.")
        return row

    def _move(self, transaction: Transaction, task_id: str, *path: State, **values: Any) -> None:
        """Move a task along a path of states, if the table allows each step and the task is in the first state."""
        require(*path)
        statement = tasks.update().where(tasks.c.id == task_id, tasks.c.state == str(path[0]))
        if not transaction.execute(statement.values(state=str(path[-1]), **values)).rowcount:
            now = self._row(transaction, task_id)["state"]
            raise InvalidTransition(f"Task '{task_id}' is {now}, not {path[0]}: it cannot go to {path[-1]}.")


def _to_running(state: State) -> tuple[State, ...]:
    """The path from the state of a task that has a job to IN_PROGRESS."""
    return (state,) if state is State.IN_PROGRESS else (state, State.IN_PROGRESS)
