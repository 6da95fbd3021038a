"""The state changes that users request."""

from __future__ import annotations

from typing import Any

from sqlalchemy import RowMapping

from avstudio_core.errors import InvalidTransition
from avstudio_core.storage.sqlite.database import Transaction
from avstudio_core.tasks.events import event_log
from avstudio_core.tasks.queue import statements
from avstudio_core.tasks.queue.state_changes import StateChanges
from avstudio_core.tasks.states import ENDED, State
from avstudio_core.tasks.task import CANCELLED, DEPENDENCY, Problem


class UserRequests(StateChanges):
    """Cancel, retry and review tasks."""

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

    def accept(self, transaction: Transaction, task_id: str) -> None:
        now, row = self._clock(), self._for_person(transaction, task_id)
        self._move(transaction, task_id, State.AWAITING_REVIEW, State.COMPLETED, finished_at=now)
        seconds = max(0.0, now - row["started_at"])
        self._completed(transaction, task_id, row["result"], seconds, now, leads=row["leads"])

    def send_back(self, transaction: Transaction, task_id: str, reason: str) -> None:
        self._for_person(transaction, task_id)
        path = (State.AWAITING_REVIEW, State.IN_PROGRESS, State.BLOCKED, State.PENDING)
        values = {"feedback": reason, "result": None, "cache_key": None, "finished_at": None}
        self._move(transaction, task_id, *path, percent=0.0, message="", **values)
        event_log.add(transaction, task_id, "task.retried", self._clock(), reason=reason, pause=0.0)

    def _for_person(self, transaction: Transaction, task_id: str) -> RowMapping:
        """The row of a task that waits for a person's review. Raises `InvalidTransition` for other tasks."""
        row = self._row(transaction, task_id)
        if not _waits_for_person(row):
            reviewed = row["state"] == State.AWAITING_REVIEW
            why = "its processor reviews it" if reviewed else f"it is {row['state']}, not {State.AWAITING_REVIEW}"
            raise InvalidTransition(f"Task '{task_id}' does not wait for a person's review: {why}.")
        return row

    def retry(self, transaction: Transaction, task_id: str) -> list[str]:
        row = self._row(transaction, task_id)
        state = State(row["state"])
        if state not in (State.FAILED, State.BLOCKED):
            raise InvalidTransition(f"Task '{task_id}' cannot be retried: it is {state}.")
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
        event_log.add(transaction, row["id"], "task.retried", self._clock(), reason="asked", pause=0.0)

    def _stopped_with(self, transaction: Transaction, task_id: str) -> list[RowMapping]:
        """The tasks that a task needs, and the tasks that it blocked."""
        needed = transaction.execute(statements.NEEDED, {"id": task_id}).mappings().all()
        dependents = transaction.execute(statements.DEPENDENTS, {"id": task_id}).mappings().all()
        return [*needed, *(one for one in dependents if one["reason"] == DEPENDENCY)]


def _waits_for_person(row: RowMapping) -> bool:
    """Whether a task waits for a person's review: its result is stored. During a processor's review, it is not."""
    return row["state"] == State.AWAITING_REVIEW and row["result"] is not None
