"""The state changes of a task from its submission to the end of its run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from avstudio_core.artifact import new_id
from avstudio_core.errors import RunLimitReached
from avstudio_core.gateway.ledger.call_facts import Payer
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.storage.database import Transaction
from avstudio_core.tasks.events import event_log
from avstudio_core.tasks.queue import kept_plans, new_tasks, publication, run_rows, statements
from avstudio_core.tasks.queue.claims import Claims
from avstudio_core.tasks.queue.queue_types import Claim, Claimed, Finished, NewTask, Rules, Wanted
from avstudio_core.tasks.queue.run_rows import NewRun
from avstudio_core.tasks.queue.state_changes import StateChanges
from avstudio_core.tasks.states import State, require
from avstudio_core.tasks.task import CANCELLED, Problem, TaskOptions


class Runs(StateChanges):
    """Submit and claim tasks, and record what becomes of their runs."""

    def __init__(self, store: ArtifactStore, rules: Rules, clock: Callable[[], float]) -> None:
        super().__init__(rules, clock)
        self._store = store
        self._claims = Claims(rules.studio)

    def submit(
        self,
        transaction: Transaction,
        plan_id: str,
        new: Sequence[NewTask],
        options: TaskOptions,
        payer: Payer,
        text: str = "",
    ) -> None:
        now = self._clock()
        if text:
            kept = {"id": plan_id, "owner": payer.owner, "project": options.project, "text": text, "created_at": now}
            transaction.later(kept_plans.ADD, kept)
        shared = {"plan_id": plan_id, **payer._asdict(), "origin": self._rules.studio}
        new_tasks.store(transaction, new, options, now, shared)

    def begin_run(self, transaction: Transaction, run: NewRun, steps: int) -> str:
        """Begin a run with so many tasks; return its id, or that of an earlier run with the same key."""
        begun = run_rows.begin(transaction, run, self._clock())
        if begun == run.id:
            run_rows.reserve_steps(transaction, run.id, steps)
        return begun

    def claim(self, transaction: Transaction, wanted: Wanted) -> list[Claim]:
        """PENDING → ASSIGNED for the next tasks."""
        now = self._clock()
        taken = self._claims.take(transaction, wanted, now)
        if any(task.run_id for task in taken):
            taken = [task for task in taken if self._may_start(transaction, task, now)]
        return [self._job(transaction, task, task.attempts + 1, now, wanted.apart) for task in taken]

    def _may_start(self, transaction: Transaction, task: Claimed, now: float) -> bool:
        """Whether the run of a claimed task may still start it; otherwise the task fails."""
        reason = run_rows.refusal(transaction, task.run_id, task.id, now) if task.run_id else None
        if reason is not None and (row := self._held(transaction, task.id, task.fence)):
            self._end_run(transaction, row, Problem(code=RunLimitReached.code, message=reason))
        return reason is None

    def _job(self, transaction: Transaction, task: Claimed, attempt: int, now: float, apart: bool) -> Claim:
        job_id = new_id("job")
        job = {
            "id": job_id,
            "task_id": task.id,
            "attempt": attempt,
            "studio": self._rules.studio,
            "apart": apart,
            "fence": task.fence,
            "lease_until": now + self._rules.lease_seconds,
            "assigned_at": now,
        }
        transaction.later(statements.ADD_JOB, job)
        return Claim(job_id, task, attempt, apart)

    def progress(self, transaction: Transaction, claim: Claim, percent: float, message: str) -> None:
        values = {"b_id": claim.task_id, "b_fence": claim.fence, "percent": percent, "message": message}
        if transaction.run(statements.PROGRESS, values).rowcount:
            data = {"percent": percent, "message": message}
            event_log.add(transaction, claim.task_id, "task.progress", self._clock(), **data)

    def planning(self, transaction: Transaction, claim: Claim, *, ended: bool) -> None:
        values = {"b_id": claim.job_id, "b_now": None if ended else self._clock()}
        transaction.execute(statements.JOB_PLANNED, values)

    def start(self, transaction: Transaction, claim: Claim) -> bool:
        now = transaction.moment(self._clock)
        values = {"b_id": claim.task_id, "b_fence": claim.fence, "now": now}
        if not transaction.run(statements.START, values).rowcount:
            return False
        transaction.later_of(statements.JOBS_STARTED, "b_jobs", claim.job_id, {"now": now})
        event_log.add(transaction, claim.task_id, "task.started", now, type=claim.task.processor, started_at=now)
        return True

    def review(self, transaction: Transaction, claim: Claim) -> None:
        self.start(transaction, claim)  # if the start could not be written before
        if transaction.run(statements.REVIEWING, {"b_id": claim.task_id, "b_fence": claim.fence}).rowcount:
            event_log.add(transaction, claim.task_id, "task.reviewing", self._clock(), reviewer="processor")

    def finish(self, transaction: Transaction, claim: Claim, done: Finished) -> bool:
        now = transaction.moment(self._clock)
        reviewed = claim.task.reviewer != "processor"
        last = State.AWAITING_REVIEW if reviewed else State.COMPLETED
        values = {"b_id": claim.task_id, "b_fence": claim.fence, "b_state": str(last), "b_now": now}
        values |= {"b_result": done.result, "b_key": done.cache_key}
        finished = transaction.run(statements.FINISH, values).fetchall()
        if not finished and self.start(transaction, claim):  # the start could not be written before
            finished = transaction.run(statements.FINISH, values).fetchall()
        if not finished:
            return False
        ((started_at,),) = finished
        outcome = "cache_hit" if done.cache_hit else "done"
        transaction.later_of(statements.JOBS_ENDED, "b_jobs", claim.job_id, {"now": now, "outcome": outcome})
        transaction.later_of(statements.FORGET_ANSWERS, "b_tasks", claim.task_id, {})
        publication.publish(transaction, self._store, claim, done, now)
        if done.continuation:
            self._continue(transaction, claim.task_id, done.continuation, now, later=reviewed)
        if reviewed:
            event_log.add(transaction, claim.task_id, "task.reviewing", now, reviewer=claim.task.reviewer)
        else:
            self._completed(transaction, claim.task_id, max(0.0, now - started_at), now, leads=claim.task.leads)
        return True

    def _continue(
        self, transaction: Transaction, task_id: str, new: Sequence[NewTask], now: float, *, later: bool
    ) -> None:
        """Add the tasks of the plan in a result: now, or `later`, after its acceptance."""
        if later:
            values = {"b_id": task_id, "b_tasks": new_tasks.written(new)}
            transaction.execute(statements.CONTINUE_LATER, values)
        else:
            new_tasks.go_on(transaction, self._row(transaction, task_id), new, now, self._rules.studio)

    def finish_from_cache(self, transaction: Transaction, claim: Claim, done: Finished) -> bool:
        values = {"key": done.cache_key, "owner": claim.task.owner, "project": claim.task.project}
        if transaction.run(statements.CACHED, values).fetchone() is None:  # it was just removed
            return self.hand_back(transaction, claim.task_id, claim.fence)
        return self.start(transaction, claim) and self.finish(transaction, claim, done)

    def rerun(self, transaction: Transaction, claim: Claim, reason: str) -> Claim | None:
        now = self._clock()
        require(State.IN_PROGRESS, State.AWAITING_REVIEW, State.IN_PROGRESS)
        values = {"b_id": claim.task_id, "b_fence": claim.fence, "feedback": reason}
        found = transaction.run(statements.RERUN, values).fetchone()
        if found is None:
            return None
        task = Claimed._make(found)
        transaction.later_of(statements.JOBS_ENDED, "b_jobs", claim.job_id, {"now": now, "outcome": "sent_back"})
        transaction.later_of(statements.FORGET_ANSWERS, "b_tasks", claim.task_id, {})
        event_log.add(transaction, claim.task_id, "task.reviewing", now, reviewer="processor", reason=reason)
        again = self._job(transaction, task, task.attempts, now, claim.apart)
        transaction.later_of(statements.JOBS_STARTED, "b_jobs", again.job_id, {"now": now})
        return again

    def fail(self, transaction: Transaction, claim: Claim, problem: Problem, *, retryable: bool) -> bool:
        row = self._held(transaction, claim.task_id, claim.fence)
        if row is None:
            return False
        cancelled = row["cancelling"] or problem.code == CANCELLED
        tried = row["attempts"] + (row["state"] == State.ASSIGNED)  # a run that could not start also counts
        again: dict[str, Any] | None = None
        if retryable and not cancelled and tried <= row["retries"]:
            pause = min(statements.LONGEST_PAUSE, statements.FIRST_PAUSE * 2 ** max(0, tried - 1))
            # The claim counted a delivery. The worker is alive, so this is undone: only deaths count.
            again = {"available_at": self._clock() + pause, "deliveries": row["deliveries"] - 1}
        transaction.later_of(statements.FORGET_ANSWERS, "b_tasks", claim.task_id, {})  # they may be why it failed
        self._end_run(transaction, row, problem, again)
        return True
