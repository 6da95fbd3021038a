"""The changes of state a task can go through, each a compare-and-set inside the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import RowMapping

from avstudio_core.artifact import new_id
from avstudio_core.errors import InvalidTransition, NotFound
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.storage.database import Transaction
from avstudio_core.storage.tables import tasks
from avstudio_core.tasks import events, publishing, statements
from avstudio_core.tasks.job import Claim, Finished, NewTask, Rules, Wanted
from avstudio_core.tasks.states import ENDED, State, require
from avstudio_core.tasks.task import CANCELLED, DEPENDENCY, RETURNED, Problem, TaskOptions


class Transitions:
    """Each method is one change, with its events, in the transaction that it is given."""

    def __init__(self, store: ArtifactStore, rules: Rules, clock: Callable[[], float]) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock

    def submit(
        self, transaction: Transaction, plan_id: str, new: Sequence[NewTask], options: TaskOptions, owner: str
    ) -> None:
        now = self._clock()
        leading = {needed for task in new for needed in task.needs}
        for task in new:
            values = statements.new_task(task.id, now, options)
            values |= {
                "plan_id": plan_id,
                "step": task.step,
                "owner": owner,
                "origin": self._rules.studio,
                "processor": task.processor,
                "params": task.params,
                "source": json.dumps(task.source) if task.source else None,
                "waiting": len(task.needs),
                "leads": task.id in leading,
            }
            transaction.later(statements.ADD, values)
            for needed in task.needs:
                transaction.later(statements.ADD_DEPENDENCY, {"task_id": task.id, "needs_id": needed})
            events.add(transaction, task.id, "task.submitted", now, type=task.processor, step=task.step)

    def claim(self, transaction: Transaction, wanted: Wanted) -> list[Claim]:
        """PENDING → ASSIGNED for the tasks that are next."""
        now = self._clock()
        claims: list[Claim] = []
        for mine in (True,) if wanted.own else (True, False):
            statement = statements.CLAIM[mine, wanted.only is not None]
            values = {"now": now, "limit": wanted.limit - len(claims), "studio": self._rules.studio}
            values["processors"] = list(wanted.without if wanted.only is None else wanted.only)
            rows = transaction.execute(statement, values).mappings().all()
            ordered = sorted(rows, key=lambda row: (-row["priority"], row["id"]))
            claims += [self._job(transaction, row, now) for row in ordered]
        return claims

    def _job(self, transaction: Transaction, row: RowMapping, now: float) -> Claim:
        job_id = new_id("job")
        job = {
            "id": job_id,
            "task_id": row["id"],
            "attempt": row["attempts"] + 1,
            "studio": self._rules.studio,
            "fence": row["fence"],
            "lease_until": now + self._rules.lease_seconds,
            "assigned_at": now,
        }
        transaction.later(statements.ADD_JOB, job)
        return Claim(job_id, row["id"], row["fence"], row, row["attempts"] + 1, row["feedback"])

    def progress(self, transaction: Transaction, claim: Claim, percent: float, message: str) -> None:
        values = {"b_id": claim.task_id, "b_fence": claim.fence, "percent": percent, "message": message}
        if transaction.execute(statements.PROGRESS, values).rowcount:
            data = {"percent": percent, "message": message}
            events.add(transaction, claim.task_id, "task.progress", self._clock(), **data)

    def start(self, transaction: Transaction, claim: Claim) -> bool:
        now = self._clock()
        values = {"b_id": claim.task_id, "b_fence": claim.fence, "now": now}
        if not transaction.execute(statements.START, values).rowcount:
            return False
        transaction.later(statements.JOB_STARTED, {"b_job": claim.job_id, "now": now})
        events.add(transaction, claim.task_id, "task.started", now, type=claim.row["processor"], started_at=now)
        return True

    def finish(self, transaction: Transaction, claim: Claim, done: Finished) -> bool:
        now = self._clock()
        by_person = claim.row["reviewer"] == "person" and not done.cache_hit
        last = State.AWAITING_REVIEW if by_person else State.COMPLETED
        values = {"b_id": claim.task_id, "b_fence": claim.fence, "b_state": str(last), "b_now": now}
        values |= {"b_result": done.result, "b_key": done.cache_key}
        if not transaction.execute(statements.FINISH, values).rowcount:
            return False
        outcome = "cache_hit" if done.cache_hit else "done"
        transaction.later(statements.JOB_ENDED, {"b_job": claim.job_id, "now": now, "outcome": outcome})
        publishing.publish(transaction, self._store, claim.task_id, claim.row["owner"], done, now)
        if by_person:
            events.add(transaction, claim.task_id, "task.reviewing", now, reviewer="person")
        else:
            self._completed(transaction, claim.row, now, done.result)
        return True

    def _completed(self, transaction: Transaction, row: RowMapping, now: float, result: str | None = None) -> None:
        if row["leads"]:
            transaction.execute(statements.RELEASE_DEPENDENTS, {"b_id": row["id"]})
        started = row["started_at"] or row["created_at"]
        result = result or row["result"] or "null"
        data = {"result": json.loads(result), "duration": max(0.0, now - started)}
        events.add(transaction, row["id"], "task.completed", now, **data)

    def rerun(self, transaction: Transaction, claim: Claim, reason: str) -> Claim | None:
        now = self._clock()
        require(State.IN_PROGRESS, State.AWAITING_REVIEW, State.IN_PROGRESS)
        values = {"b_id": claim.task_id, "b_fence": claim.fence, "feedback": reason}
        row = transaction.execute(statements.RERUN, values).mappings().first()
        if row is None:
            return None
        transaction.later(statements.JOB_ENDED, {"b_job": claim.job_id, "now": now, "outcome": "sent_back"})
        events.add(transaction, claim.task_id, "task.reviewing", now, reviewer="processor", reason=reason)
        again = self._job(transaction, row, now)
        transaction.later(statements.JOB_STARTED, {"b_job": again.job_id, "now": now})
        return again

    def fail(self, transaction: Transaction, claim: Claim, problem: Problem, *, retryable: bool) -> bool:
        row = self._held(transaction, claim.task_id, claim.fence)
        if row is None:
            return False
        path = [State.IN_PROGRESS, State.FAILED]
        if row["state"] == State.ASSIGNED:
            path.insert(0, State.ASSIGNED)
        cancelled = row["cancelling"] or problem.code == CANCELLED
        again = retryable and not cancelled and row["attempts"] <= row["retries"]
        pause = min(60.0, 0.5 * 2 ** max(0, row["attempts"] - 1)) if again else 0.0
        self._end_run(transaction, row, path, problem, again=again, pause=pause)
        return True

    def lose(self, transaction: Transaction, task_id: str, fence: int, problem: Problem) -> bool:
        row = self._held(transaction, task_id, fence)
        if row is None:
            return False
        if row["state"] == State.ASSIGNED:
            return self.hand_back(transaction, task_id, fence)
        again = not row["cancelling"] and row["deliveries"] < self._rules.max_deliveries
        if not again and not row["cancelling"]:
            tried = f"{problem.message} It was handed out {row['deliveries']} times."
            problem = problem.model_copy(update={"message": tried})
        self._end_run(transaction, row, [State.IN_PROGRESS, State.FAILED], problem, again=again)
        return True

    def _end_run(
        self,
        transaction: Transaction,
        row: RowMapping,
        path: list[State],
        problem: Problem,
        *,
        again: bool,
        pause: float = 0.0,
    ) -> None:
        now, task_id = self._clock(), row["id"]
        cancelled = row["cancelling"] or problem.code == CANCELLED
        reason = CANCELLED if cancelled else problem.code
        values: dict[str, Any] = {"error": problem.model_dump_json(), "reason": reason, "cancelling": False}
        events.add(
            transaction, task_id, "task.failed", now, error=problem.message, code=reason, traceback=problem.traceback
        )
        transaction.later(statements.JOBS_OF_TASK_ENDED, {"b_task": task_id, "now": now, "outcome": reason})
        if again:
            self._move(transaction, task_id, *path, State.PENDING, available_at=now + pause, **values)
            events.add(transaction, task_id, "task.retried", now, reason=reason, pause=pause)
            return
        self._move(transaction, task_id, *path, finished_at=now, **values)
        self._block_dependents(transaction, row, now)

    def hand_back(self, transaction: Transaction, task_id: str, fence: int) -> bool:
        """Give up a job without counting it: ASSIGNED or IN_PROGRESS → BLOCKED → PENDING."""
        row = self._held(transaction, task_id, fence)
        if row is None:
            return False
        values = {"deliveries": row["deliveries"] - 1, "percent": 0.0, "message": ""}
        self._move(transaction, task_id, State(row["state"]), State.BLOCKED, State.PENDING, **values)
        ended = {"b_task": task_id, "now": self._clock(), "outcome": RETURNED}
        transaction.later(statements.JOBS_OF_TASK_ENDED, ended)
        return True

    def cancel(self, transaction: Transaction, task_id: str) -> State:
        row, now = self._row(transaction, task_id), self._clock()
        state = State(row["state"])
        if state in ENDED:
            raise InvalidTransition(f"Task '{task_id}' cannot be cancelled: it is {state}.")
        if state is State.IN_PROGRESS:
            transaction.execute(statements.ASK_TO_CANCEL, {"b_id": task_id})
            return state
        problem = Problem(code=CANCELLED, message=f"Task '{task_id}' was cancelled.")
        if state is State.AWAITING_REVIEW:
            self._end_run(transaction, row, [state, State.IN_PROGRESS, State.FAILED], problem, again=False)
            return State.FAILED
        values = {"reason": CANCELLED, "error": problem.model_dump_json(), "finished_at": now}
        self._move(transaction, task_id, state, State.BLOCKED, **values)
        transaction.later(statements.JOBS_OF_TASK_ENDED, {"b_task": task_id, "now": now, "outcome": CANCELLED})
        events.add(transaction, task_id, "task.blocked", now, reason=CANCELLED)
        self._block_dependents(transaction, row, now)
        return State.BLOCKED

    def accept(self, transaction: Transaction, task_id: str) -> None:
        now = self._clock()
        self._move(transaction, task_id, State.AWAITING_REVIEW, State.COMPLETED, finished_at=now)
        self._completed(transaction, self._row(transaction, task_id), now)

    def send_back(self, transaction: Transaction, task_id: str, reason: str) -> None:
        path = (State.AWAITING_REVIEW, State.IN_PROGRESS, State.BLOCKED, State.PENDING)
        self._move(transaction, task_id, *path, feedback=reason, result=None, cache_key=None)
        events.add(transaction, task_id, "task.retried", self._clock(), reason=reason)

    def reap(self, transaction: Transaction, dead: Collection[str]) -> list[str]:
        values = {"dead": list(dead), "now": self._clock(), "studio": self._rules.studio}
        lost = transaction.execute(statements.LOST, values).all()
        problem = Problem(code="worker_lost", message="The studio that ran this task died.")
        for task_id, fence in lost:
            self.lose(transaction, task_id, fence, problem)
        return [task_id for task_id, _ in lost]

    def _block_dependents(self, transaction: Transaction, row: RowMapping, now: float) -> None:
        if not row["leads"]:
            return
        said = f"Step '{row['step']}' ({row['processor']}), which this one reads from, did not complete."
        problem = Problem(code=DEPENDENCY, message=said)
        for dependent in transaction.execute(statements.DEPENDENTS, {"id": row["id"]}).mappings().all():
            if dependent["state"] != State.PENDING:
                continue
            values = {"reason": DEPENDENCY, "error": problem.model_dump_json(), "finished_at": now}
            self._move(transaction, dependent["id"], State.PENDING, State.BLOCKED, **values)
            events.add(transaction, dependent["id"], "task.blocked", now, reason=DEPENDENCY, needs=row["id"])
            self._block_dependents(transaction, dependent, now)

    def retry(self, transaction: Transaction, task_id: str) -> list[str]:
        row = self._row(transaction, task_id)
        state = State(row["state"])
        if state not in (State.FAILED, State.BLOCKED):
            raise InvalidTransition(f"Task '{task_id}' cannot be retried: it is {state}.")
        freed: list[str] = []
        self._free(transaction, row, freed)
        return freed

    def _free(self, transaction: Transaction, row: RowMapping, freed: list[str]) -> None:
        """Set a failed or blocked task free, what it needs before it, and what waited for it after it."""
        task_id = row["id"]
        if task_id in freed or row["state"] not in (State.FAILED, State.BLOCKED):
            return
        freed.append(task_id)
        needed = transaction.execute(statements.NEEDED, {"id": task_id}).mappings().all()
        for one in needed:
            self._free(transaction, one, freed)
        waiting = sum(one["state"] != State.COMPLETED for one in needed)
        values = {"waiting": waiting, "attempts": 0, "deliveries": 0, "available_at": 0.0, "origin": self._rules.studio}
        values |= {"reason": None, "error": None, "finished_at": None, "percent": 0.0, "message": ""}
        self._move(transaction, task_id, State(row["state"]), State.PENDING, cancelling=False, **values)
        events.add(transaction, task_id, "task.retried", self._clock(), reason="asked", pause=0.0)
        for dependent in transaction.execute(statements.DEPENDENTS, {"id": task_id}).mappings().all():
            if dependent["reason"] == DEPENDENCY:
                self._free(transaction, dependent, freed)

    def _held(self, transaction: Transaction, task_id: str, fence: int) -> RowMapping | None:
        """The row, while the fencing token is the newest and the task is assigned or in progress."""
        row: RowMapping | None = (
            transaction.execute(statements.HELD, {"id": task_id, "fence": fence}).mappings().first()
        )
        return row

    def _row(self, transaction: Transaction, task_id: str) -> RowMapping:
        row: RowMapping | None = transaction.execute(statements.ROW, {"id": task_id}).mappings().first()
        if row is None:
            raise NotFound(f"No task has the id '{task_id}'. See them: avstudio tasks list")
        return row

    def _move(self, transaction: Transaction, task_id: str, *path: State, **values: Any) -> None:
        """From the first state of the path to the last, if the table allows each step and the task is at the first."""
        require(*path)
        statement = tasks.update().where(tasks.c.id == task_id, tasks.c.state == str(path[0]))
        if not transaction.execute(statement.values(state=str(path[-1]), **values)).rowcount:
            now = self._row(transaction, task_id)["state"]
            raise InvalidTransition(f"Task '{task_id}' is {now}, not {path[0]}: it cannot go to {path[-1]}.")
