"""The state changes that users request."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import RowMapping

from avstudio_core.errors import InvalidTransition, NotFound
from avstudio_core.reach import ALL, Reach
from avstudio_core.storage.database import Transaction
from avstudio_core.tasks.events import event_log
from avstudio_core.tasks.queue import new_tasks, run_rows, statements
from avstudio_core.tasks.queue.queue_types import Rules
from avstudio_core.tasks.queue.state_changes import StateChanges
from avstudio_core.tasks.states import ENDED, State
from avstudio_core.tasks.task import CANCELLED, DEPENDENCY, PERSON, Problem


class UserRequests(StateChanges):
    """Cancel, retry and review the tasks within a reach."""

    def __init__(self, rules: Rules, clock: Callable[[], float], reach: Reach = ALL) -> None:
        super().__init__(rules, clock)
        self.reach = reach

    def cancel(self, transaction: Transaction, task_id: str) -> State:
        row, now = self._row(transaction, task_id), self._clock()
        state = State(row["state"])
        if state in ENDED:
            raise InvalidTransition(f"Task '{task_id}' cannot be cancelled: it is {state}.")
        waits = _waits_for_person(row)
        if state is State.IN_PROGRESS or (state is State.AWAITING_REVIEW and not waits):
            transaction.execute(statements.ASK_TO_CANCEL, {"b_id": task_id})
            return state
        problem = Problem(code=CANCELLED, message=f"Task '{task_id}' was cancelled.")
        if waits:
            self._end_run(transaction, row, problem)
            return State.FAILED
        values = {"reason": CANCELLED, "error": problem.model_dump_json(), "finished_at": now}
        self._move(transaction, task_id, state, State.BLOCKED, **values)
        self._end_job(transaction, row, CANCELLED, now)
        event_log.add(transaction, task_id, "task.blocked", now, reason=CANCELLED)
        self._block_dependents(transaction, row, now)
        return State.BLOCKED

    def cancel_run(self, transaction: Transaction, run_id: str) -> list[str]:
        """Cancel all tasks of a run, and start none any more. Raises `NotFound`."""
        if not transaction.execute(run_rows.CANCEL, {"b_id": run_id, **self.reach.values}).rowcount:
            raise NotFound(f"No run has the id '{run_id}'.")
        return self._cancel_all(transaction, run_rows.tasks_of(transaction, run_id))

    def cancel_plan(self, transaction: Transaction, plan_id: str) -> list[str]:
        """Cancel all tasks of a plan. Raises `NotFound`."""
        return self._cancel_all(transaction, self._of_plan(transaction, plan_id))

    def _of_plan(self, transaction: Transaction, plan_id: str) -> Sequence[str]:
        """The ids of the tasks of a plan, the newest first. Raises `NotFound`."""
        values = {"id": plan_id, **self.reach.values}
        found: Sequence[str] = transaction.execute(statements.OF_PLAN, values).scalars().all()
        if not found:
            raise NotFound(f"No plan has the id '{plan_id}'.", hint="See the list of plans.")
        return found

    def _cancel_all(self, transaction: Transaction, task_ids: Iterable[str]) -> list[str]:
        """Cancel those of some tasks that have not ended; the newest must be first."""
        going = [one for one in task_ids if State(self._row(transaction, one)["state"]) not in ENDED]
        for task_id in going:
            self.cancel(transaction, task_id)
        return going

    def accept(self, transaction: Transaction, task_id: str, by: str) -> None:
        now, row = self._clock(), self._for_review(transaction, task_id, by)
        self._move(transaction, task_id, State.AWAITING_REVIEW, State.COMPLETED, finished_at=now, origin="")
        if by != PERSON:
            event_log.add(transaction, task_id, "task.reviewing", now, reviewer=by, accepted=True)
        if row["continuation"]:
            new = new_tasks.read(row["continuation"])
            new_tasks.go_on(transaction, row, new, now, self._rules.studio)
        seconds = max(0.0, now - row["started_at"])
        self._completed(transaction, task_id, seconds, now, leads=row["leads"])

    def send_back(self, transaction: Transaction, task_id: str, reason: str, by: str) -> None:
        self._for_review(transaction, task_id, by)
        path = (State.AWAITING_REVIEW, State.IN_PROGRESS, State.BLOCKED, State.PENDING)
        values = {"feedback": reason, "result": None, "cache_key": None, "finished_at": None}
        values["continuation"] = None
        self._move(transaction, task_id, *path, percent=0.0, message="", **values)
        event_log.add(transaction, task_id, "task.retried", self._clock(), reason=reason, pause=0.0, reviewer=by)

    def _for_review(self, transaction: Transaction, task_id: str, by: str) -> RowMapping:
        """The row of a task that waits for a review. A person may review any; an agent only what waits for it.

        Raises `InvalidTransition` for other tasks.
        """
        row = self._row(transaction, task_id)
        if not _waits_for_person(row):
            reviewed = row["state"] == State.AWAITING_REVIEW
            why = "its processor reviews it" if reviewed else f"it is {row['state']}, not {State.AWAITING_REVIEW}"
            raise InvalidTransition(f"Task '{task_id}' does not wait for a person's review: {why}.")
        if by not in (PERSON, row["reviewer"]):
            raise InvalidTransition(f"Task '{task_id}' does not wait for '{by}', but for '{row['reviewer']}'.")
        return row

    def retry(self, transaction: Transaction, task_id: str) -> list[str]:
        row = self._row(transaction, task_id)
        state = State(row["state"])
        if state not in (State.FAILED, State.BLOCKED):
            raise InvalidTransition(f"Task '{task_id}' cannot be retried: it is {state}.")
        if row["run_id"] and (reason := self._refusal(transaction, row)):
            raise InvalidTransition(f"Task '{task_id}' cannot be retried: {reason}")
        freed: dict[str, None] = {}
        waiting = [row]
        while waiting:  # not recursive, since a plan may be longer than the recursion limit
            row = waiting.pop()
            if row["id"] in freed or row["state"] not in (State.FAILED, State.BLOCKED):
                continue
            freed[row["id"]] = None
            self._free(transaction, row)
            waiting += self._stopped_with(transaction, row["id"])
        return [*freed]

    def retry_plan(self, transaction: Transaction, plan_id: str) -> list[str]:
        """Retry all tasks of a plan that failed or are blocked. Raises `NotFound`."""
        freed = dict[str, None]()
        for task_id in reversed(self._of_plan(transaction, plan_id)):
            if State(self._row(transaction, task_id)["state"]) in (State.FAILED, State.BLOCKED):
                freed |= dict.fromkeys(self.retry(transaction, task_id))
        return [*freed]

    def _refusal(self, transaction: Transaction, row: RowMapping) -> str | None:
        return run_rows.refusal(transaction, row["run_id"], row["id"], self._clock())

    def _free(self, transaction: Transaction, row: RowMapping) -> None:
        """FAILED or BLOCKED → PENDING, as if it had never run."""
        values: dict[str, Any] = {
            "attempts": 0,
            "deliveries": 0,
            "deaths": 0,
            "available_at": 0.0,
            "origin": self._rules.studio,
        }
        values |= {"reason": None, "error": None, "finished_at": None, "percent": 0.0, "message": ""}
        self._move(transaction, row["id"], State(row["state"]), State.PENDING, cancelling=False, **values)
        if row["leads"]:
            transaction.execute(statements.HOLD_AFTER, {"b_ids": json.dumps([row["id"]])})
        event_log.add(transaction, row["id"], "task.retried", self._clock(), reason="asked", pause=0.0)

    def _stopped_with(self, transaction: Transaction, task_id: str) -> list[RowMapping]:
        """The tasks whose result a task needs, and the tasks that it blocked."""
        needed = transaction.execute(statements.NEEDED, {"id": task_id}).mappings().all()
        dependents = transaction.execute(statements.DEPENDENTS, {"id": task_id}).mappings().all()
        return [*needed, *(one for one in dependents if one["reason"] == DEPENDENCY)]


def _waits_for_person(row: RowMapping) -> bool:
    """Whether a task waits for a person's review: its result is stored. During a processor's review, it is not."""
    return row["state"] == State.AWAITING_REVIEW and row["result"] is not None
