"""The state changes of tasks, each a compare-and-set in the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping

from avstudio_core.artifact import new_id
from avstudio_core.errors import InvalidTransition, NotFound
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.storage.sqlite.database import Transaction
from avstudio_core.storage.tables import tasks
from avstudio_core.tasks.events import event_log
from avstudio_core.tasks.queue import publication, statements
from avstudio_core.tasks.queue.claims import Claim, Claimed, Death, Finished, NewTask, Rules, Wanted
from avstudio_core.tasks.states import ENDED, State, require
from avstudio_core.tasks.task import CANCELLED, DEPENDENCY, RETURNED, Problem, TaskOptions

MOST_DEATHS = 10
"""After the deaths of so many studios soon after its start, a task counts as their cause and fails."""


class Transitions:
    """Each method is one change, with its events, in the given transaction."""

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
                "lane": task.lane,
                "params": task.params,
                "source": json.dumps(task.source) if task.source else None,
                "waiting": len(task.needs),
                "leads": task.id in leading,
            }
            transaction.later(statements.ADD, values)
            for needed in task.needs:
                transaction.later(statements.ADD_DEPENDENCY, {"task_id": task.id, "needs_id": needed})
            event_log.add(transaction, task.id, "task.submitted", now, type=task.processor, step=task.step)

    def claim(self, transaction: Transaction, wanted: Wanted) -> list[Claim]:
        """PENDING → ASSIGNED for the next tasks."""
        now = self._clock()
        claims: list[Claim] = []
        for mine in (True,) if wanted.own else (True, False):
            values: dict[str, Any] = {"now": now, "limit": wanted.limit - len(claims), "studio": self._rules.studio}
            values["b_lane"] = wanted.lane
            values["processors"] = json.dumps([*wanted.only])
            taken = [Claimed._make(row) for row in transaction.run(statements.CLAIM[mine], values).fetchall()]
            ordered = sorted(taken, key=lambda task: (-task.priority, task.id))
            claims += [self._job(transaction, task, task.attempts + 1, now, wanted.apart) for task in ordered]
        return claims

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

    def start(self, transaction: Transaction, claim: Claim) -> bool:
        now = self._clock()
        values = {"b_id": claim.task_id, "b_fence": claim.fence, "now": now}
        if not transaction.run(statements.START, values).rowcount:
            return False
        transaction.later(statements.JOB_STARTED, {"b_job": claim.job_id, "now": now})
        event_log.add(transaction, claim.task_id, "task.started", now, type=claim.task.processor, started_at=now)
        return True

    def review(self, transaction: Transaction, claim: Claim) -> None:
        self.start(transaction, claim)  # if the start could not be written before
        if transaction.run(statements.REVIEWING, {"b_id": claim.task_id, "b_fence": claim.fence}).rowcount:
            event_log.add(transaction, claim.task_id, "task.reviewing", self._clock(), reviewer="processor")

    def finish(self, transaction: Transaction, claim: Claim, done: Finished) -> bool:
        now = self._clock()
        by_person = claim.task.reviewer == "person"
        last = State.AWAITING_REVIEW if by_person else State.COMPLETED
        values = {"b_id": claim.task_id, "b_fence": claim.fence, "b_state": str(last), "b_now": now}
        values |= {"b_result": done.result, "b_key": done.cache_key}
        finished = transaction.run(statements.FINISH, values).fetchall()
        if not finished and self.start(transaction, claim):  # the start could not be written before
            finished = transaction.run(statements.FINISH, values).fetchall()
        if not finished:
            return False
        ((started_at,),) = finished
        outcome = "cache_hit" if done.cache_hit else "done"
        transaction.later(statements.JOB_ENDED, {"b_job": claim.job_id, "now": now, "outcome": outcome})
        publication.publish(transaction, self._store, claim.task_id, claim.task.owner, done, now)
        if by_person:
            event_log.add(transaction, claim.task_id, "task.reviewing", now, reviewer="person")
        else:
            self._completed(
                transaction, claim.task_id, done.result, max(0.0, now - started_at), now, leads=claim.task.leads
            )
        return True

    def finish_from_cache(self, transaction: Transaction, claim: Claim, done: Finished) -> bool:
        if transaction.run(statements.CACHED, {"key": done.cache_key}).fetchone() is None:  # it was just removed
            return self.hand_back(transaction, claim.task_id, claim.fence)
        return self.start(transaction, claim) and self.finish(transaction, claim, done)

    def _completed(
        self, transaction: Transaction, task_id: str, result: str, seconds: float, now: float, *, leads: bool
    ) -> None:
        if leads:
            transaction.run(statements.RELEASE_DEPENDENTS, {"b_id": task_id})
        event_log.add_completed(transaction, task_id, now, result, seconds)

    def rerun(self, transaction: Transaction, claim: Claim, reason: str) -> Claim | None:
        now = self._clock()
        require(State.IN_PROGRESS, State.AWAITING_REVIEW, State.IN_PROGRESS)
        values = {"b_id": claim.task_id, "b_fence": claim.fence, "feedback": reason}
        found = transaction.run(statements.RERUN, values).fetchone()
        if found is None:
            return None
        task = Claimed._make(found)
        transaction.later(statements.JOB_ENDED, {"b_job": claim.job_id, "now": now, "outcome": "sent_back"})
        event_log.add(transaction, claim.task_id, "task.reviewing", now, reviewer="processor", reason=reason)
        again = self._job(transaction, task, task.attempts, now, claim.apart)
        transaction.later(statements.JOB_STARTED, {"b_job": again.job_id, "now": now})
        return again

    def fail(self, transaction: Transaction, claim: Claim, problem: Problem, *, retryable: bool) -> bool:
        row = self._held(transaction, claim.task_id, claim.fence)
        if row is None:
            return False
        cancelled = row["cancelling"] or problem.code == CANCELLED
        tried = row["attempts"] + (row["state"] == State.ASSIGNED)  # a run that could not start also counts
        again: dict[str, Any] | None = None
        if retryable and not cancelled and tried <= row["retries"]:
            pause = min(statements.LONGEST_PAUSE, 0.5 * 2 ** max(0, tried - 1))
            # The claim counted a delivery. The worker is alive, so this is undone: only deaths count.
            again = {"available_at": self._clock() + pause, "deliveries": row["deliveries"] - 1}
        self._end_run(transaction, row, problem, again)
        return True

    def lose(
        self, transaction: Transaction, task_id: str, fence: int, problem: Problem, death: Death = Death.WORKER
    ) -> bool:
        """Its run died: ASSIGNED or IN_PROGRESS → PENDING, or → FAILED after too many deaths.

        Deaths of the run's worker count, and, with a higher limit, those of studios soon after its start.
        """
        row = self._held(transaction, task_id, fence)
        if row is None:
            return False
        if row["state"] == State.ASSIGNED:
            return self.hand_back(transaction, task_id, fence, deliveries=max(1, row["deliveries"] - 1))
        again = self._after_death(row, death)
        if again is None:
            times = row["deliveries"] if death is Death.WORKER else row["deaths"] + 1
            problem = problem.model_copy(
                update={"message": f"{problem.message} The task was handed out {times} times."}
            )
        self._end_run(transaction, row, problem, None if row["cancelling"] else again)
        return True

    def _after_death(self, row: RowMapping, death: Death) -> dict[str, Any] | None:
        """The values for another delivery of a task; `None` after too many deaths."""
        again = {"available_at": self._clock()}
        if death is Death.WORKER:
            return again if row["deliveries"] < self._rules.max_deliveries else None
        deaths = row["deaths"] + (death is Death.STUDIO)
        return {**again, "deliveries": row["deliveries"] - 1, "deaths": deaths} if deaths < MOST_DEATHS else None

    def _end_run(
        self, transaction: Transaction, row: RowMapping, problem: Problem, again: Mapping[str, Any] | None = None
    ) -> None:
        """A run ended without a result: → FAILED, and with the values in `again` → PENDING."""
        now, task_id, state = self._clock(), row["id"], State(row["state"])
        path = [*_to_running(state), State.FAILED]
        reason = CANCELLED if row["cancelling"] else problem.code
        values: dict[str, Any] = {"error": problem.model_dump_json(), "reason": reason, "cancelling": False}
        values |= {"result": None, "cache_key": None}
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
        self._block_dependents(transaction, row, now)

    def _end_job(self, transaction: Transaction, row: RowMapping, outcome: str, now: float) -> None:
        values = {"b_task": row["id"], "b_fence": row["fence"], "outcome": outcome, "now": now}
        transaction.later(statements.JOB_OF_TASK_ENDED, values)

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

    def reap(self, transaction: Transaction, dead: Collection[str], *, silent: bool) -> list[str]:
        late = self._clock() if silent else 0.0
        values = {"dead": list(dead), "now": late, "studio": self._rules.studio, "lease": self._rules.lease_seconds}
        lost = transaction.execute(statements.LOST, values).all()
        problem = Problem(code="worker_lost", message="The studio that ran this task died.")
        for task_id, fence, apart, outlived in lost:
            death = Death.WORKER if not apart else Death.LATER if outlived else Death.STUDIO
            self.lose(transaction, task_id, fence, problem, death)
        return [one.id for one in lost]

    def _block_dependents(self, transaction: Transaction, row: RowMapping, now: float) -> None:
        """PENDING → BLOCKED for all tasks that wait for a task, directly or indirectly."""
        if not row["leads"]:
            return
        message = f"Step '{row['step']}' ({row['processor']}), for which this step waits, did not complete."
        problem = Problem(code=DEPENDENCY, message=message)
        values = {"b_id": row["id"], "b_reason": DEPENDENCY, "b_error": problem.model_dump_json(), "b_now": now}
        for task_id in sorted(transaction.execute(statements.BLOCK_WAITING, values).scalars()):
            event_log.add(transaction, task_id, "task.blocked", now, reason=DEPENDENCY, needs=row["id"])

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

    def _held(self, transaction: Transaction, task_id: str, fence: int) -> RowMapping | None:
        """The row, if the fencing token is the newest and the task is assigned or in progress."""
        row: RowMapping | None = (
            transaction.execute(statements.HELD, {"id": task_id, "fence": fence}).mappings().first()
        )
        return row

    def _row(self, transaction: Transaction, task_id: str) -> RowMapping:
        row: RowMapping | None = transaction.execute(statements.ROW, {"id": task_id}).mappings().first()
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


def _waits_for_person(row: RowMapping) -> bool:
    """Whether a task waits for a person's review: its result is stored. During a processor's review, it is not."""
    return row["state"] == State.AWAITING_REVIEW and row["result"] is not None


def _to_running(state: State) -> tuple[State, ...]:
    """The path from the state of a task that has a job to IN_PROGRESS."""
    return (state,) if state is State.IN_PROGRESS else (state, State.IN_PROGRESS)
