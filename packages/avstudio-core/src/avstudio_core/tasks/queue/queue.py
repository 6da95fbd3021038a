"""The durable queue: a studio's queries about tasks, and its changes, each in one transaction."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from typing import TypeVar

from sqlalchemy import select

from avstudio_core.errors import AVStudioError, InvalidInput, NotFound
from avstudio_core.names import checked
from avstudio_core.quotes import quoted
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.storage.sqlite.database import Database, Operation
from avstudio_core.storage.sqlite.prepared import rows
from avstudio_core.storage.tables import tasks
from avstudio_core.tasks.events import event_log
from avstudio_core.tasks.events.event_feed import Feed
from avstudio_core.tasks.events.event_log import Bell
from avstudio_core.tasks.queue import statements
from avstudio_core.tasks.queue.queue_types import Claim, Finished, NewTask, Rules, Wanted
from avstudio_core.tasks.queue.runs import Runs
from avstudio_core.tasks.queue.takeover import Takeover
from avstudio_core.tasks.queue.user_requests import UserRequests
from avstudio_core.tasks.queue.waiters import Waiting
from avstudio_core.tasks.states import ENDED, State
from avstudio_core.tasks.task import Problem, Task, TaskOptions

T = TypeVar("T")
MOST_FOUND = 2**63 - 1
"""The largest number that the database takes."""


class Queue:
    """The operations on tasks that a studio needs.

    Those that return a `Future` are given to the writer, and take effect in the order of the calls; the others return
    when their change is on the disk.
    """

    def __init__(
        self, database: Database, store: ArtifactStore, rules: Rules, clock: Callable[[], float] = time.time
    ) -> None:
        self.database = database
        self.studio = rules.studio
        self.bell = Bell()
        self.feed = Feed(database, self.bell)
        self._waiting = Waiting(database, self.bell)
        self._rules = rules
        self._clock = clock
        self._runs = Runs(store, rules, clock)
        self._takeover = Takeover(rules, clock)
        self._requests = UserRequests(rules, clock)
        self._me = {"studio": self.studio}

    # Queries

    def get(self, task_id: str) -> Task:
        """The task as it is now. Raises `NotFound`."""
        checked(task_id, "task id")
        with self.database.read() as connection:
            row = connection.execute(statements.GET, {"id": task_id}).mappings().first()
        if row is None:
            raise NotFound(f"No task has the id '{task_id}'.", hint="See the list of tasks.")
        return Task.from_row(row)

    def ended(self, task_id: str) -> Future[Task]:
        """The task, when it has ended in any studio."""
        return self._waiting.ended(checked(task_id, "task id"))

    def find(
        self, *, states: Collection[State] = (), plan_id: str | None = None, limit: int | None = None
    ) -> list[Task]:
        """The newest `limit` tasks, in the order of their creation. Raises `InvalidInput`."""
        states = _valid_states(states)
        if limit is not None and (not isinstance(limit, int) or not 0 <= limit <= MOST_FOUND):
            raise InvalidInput(f"{quoted(limit)} is not a number of tasks.", hint="Give a whole number from 0.")
        query = select(*statements.TASK).order_by(tasks.c.id.desc()).limit(limit)
        if states:
            query = query.where(tasks.c.state.in_([str(state) for state in states]))
            if State.COMPLETED not in states:
                query = query.where(statements.UNFINISHED)
        if plan_id is not None:
            query = query.where(tasks.c.plan_id == checked(plan_id, "plan id"))
        with self.database.read() as connection:
            found = connection.execute(query).mappings().all()
        return [Task.from_row(row) for row in reversed(found)]

    def at_rest(self, task_ids: Collection[str]) -> set[str]:
        """Those of some tasks that have ended or wait for a person. Raises `NotFound`."""
        with self.database.read() as connection:
            known = {row[0]: row for row in rows(connection, statements.STATES, {"ids": json.dumps([*task_ids])})}
        for task_id in task_ids:
            if task_id not in known:
                raise NotFound(f"No task has the id '{task_id}'.")
        return {task_id for task_id, state, has_result in known.values() if _is_at_rest(State(state), has_result)}

    def matching(self, part: str) -> list[str]:
        """The ids of the tasks whose id contains a text, in the order of their creation."""
        query = select(tasks.c.id).where(tasks.c.id.contains(part, autoescape=True)).order_by(tasks.c.id)
        with self.database.read() as connection:
            return list(connection.execute(query).scalars())

    def counted(self) -> dict[State, int]:
        """The number of tasks in each state that occurs."""
        with self.database.read() as connection:
            found = {State(state): count for state, count in rows(connection, statements.COUNTED, {})}
            ((total,),) = rows(connection, statements.TOTAL, {})
        completed = total - sum(found.values())
        return {State.COMPLETED: completed, **found} if completed else found

    def cached(self, cache_key: str) -> str | None:
        """The stored result of the newest completed task with that cache key."""
        with self.database.read() as connection:
            return connection.execute(statements.CACHED, {"key": cache_key}).scalar()

    def next_due(self) -> float | None:
        """When the next task that pauses before a retry may run."""
        with self.database.read() as connection:
            return connection.execute(statements.NEXT_DUE, {"now": self._clock()}).scalar()

    def ready_lanes(self) -> list[str]:
        """The lanes with tasks that are ready to run."""
        with self.database.read() as connection:
            return [lane for (lane,) in rows(connection, statements.READY_LANES, {})]

    def open_jobs(self) -> set[tuple[str, str, int]]:
        """Job, task and fencing token of each job that this studio runs by the database."""
        with self.database.read() as connection:
            return {(job, task, fence) for job, task, fence in rows(connection, statements.OPEN_JOBS, self._me)}

    def held(self) -> set[str]:
        """The jobs that this studio should continue: neither cancelled nor taken over."""
        with self.database.read() as connection:
            return set(connection.execute(statements.HELD_BY, self._me).scalars())

    # A studio's jobs

    def submit(self, plan_id: str, new: Sequence[NewTask], options: TaskOptions, owner: str = "local") -> None:
        """Store tasks; when this returns, they are on the disk and will run."""
        self._write(lambda transaction: self._runs.submit(transaction, plan_id, new, options, owner)).result()

    def claim(self, wanted: Wanted) -> list[Claim]:
        """Claim ready tasks: this studio's own first, then by priority, then the oldest."""
        return self._write(lambda transaction: self._runs.claim(transaction, wanted)).result()

    def start(self, claim: Claim) -> Future[bool]:
        """ASSIGNED → IN_PROGRESS; false if the claim is stale."""
        return self._write(lambda transaction: self._runs.start(transaction, claim), claim.task_id)

    def progress(self, claim: Claim, percent: float, message: str) -> None:
        """Record the progress of a run."""
        self._write(lambda transaction: self._runs.progress(transaction, claim, percent, message), claim.task_id)

    def log(self, claim: Claim, line: str) -> None:
        """Record a line that a run wrote."""
        now = self._clock()
        self._write(
            lambda transaction: event_log.add(transaction, claim.task_id, "task.log", now, message=line), claim.task_id
        )

    def token(self, claim: Claim, request_id: str, token: str, *, done: bool) -> None:
        """Record the text of a language model's answer to a run."""
        now, data = self._clock(), {"request_id": request_id, "token": token, "done": done}
        self._write(
            lambda transaction: event_log.add(transaction, claim.task_id, "llm.token", now, **data), claim.task_id
        )

    def finish(self, claim: Claim, done: Finished) -> Future[bool]:
        """Publish and complete (or await a person's review); false, without publishing, for a stale claim."""
        return self._write(lambda transaction: self._runs.finish(transaction, claim, done), claim.task_id)

    def finish_from_cache(self, claim: Claim, done: Finished) -> Future[bool]:
        """Complete a claimed task with an earlier result, without a run; return it to the queue if that is gone."""
        return self._write(lambda transaction: self._runs.finish_from_cache(transaction, claim, done), claim.task_id)

    def review(self, claim: Claim) -> None:
        """The processor's own review of a run begins: IN_PROGRESS → AWAITING_REVIEW."""
        self._write(lambda transaction: self._runs.review(transaction, claim), claim.task_id)

    def rerun(self, claim: Claim, reason: str) -> Future[Claim | None]:
        """A review sent the run back: AWAITING_REVIEW → IN_PROGRESS, as a new job of this studio."""
        return self._write(lambda transaction: self._runs.rerun(transaction, claim, reason), claim.task_id)

    def fail(self, claim: Claim, problem: Problem, *, retryable: bool = False) -> Future[bool]:
        """The run failed. It is retried after a pause if retries are left; otherwise its dependents are blocked."""
        return self._write(
            lambda transaction: self._runs.fail(transaction, claim, problem, retryable=retryable), claim.task_id
        )

    def lose(self, task_id: str, fence: int, problem: Problem) -> Future[bool]:
        """The worker died or was stopped: return the task to the queue, at most `max_deliveries` times."""
        return self._write(lambda transaction: self._takeover.lose(transaction, task_id, fence, problem), task_id)

    def hand_back(self, claim: Claim) -> Future[bool]:
        """Return a job to the queue as if it had never been claimed."""
        return self._write(
            lambda transaction: self._runs.hand_back(transaction, claim.task_id, claim.fence), claim.task_id
        )

    def renew(self) -> None:
        """Heartbeat: extend the leases of this studio's jobs."""
        values = {"b_studio": self.studio, "until": self._clock() + self._rules.lease_seconds}
        self._write(lambda transaction: transaction.execute(statements.RENEW, values)).result()

    def reap(self, dead: Collection[str], *, silent: bool = True) -> list[str]:
        """Take over the jobs of dead studios, and of `silent` ones with expired leases; return their task ids."""
        found = self._write(lambda transaction: self._takeover.reap(transaction, dead, silent=silent)).result()
        self.bell.ring(found)
        return found

    # Requests of users

    def cancel(self, task_id: str) -> State:
        """Cancel a task: at once if it does not run, otherwise it is asked to stop. Return its state.

        Raises `InvalidTransition` for a task that has ended, `NotFound`.
        """
        checked(task_id, "task id")
        return self._write(lambda transaction: self._requests.cancel(transaction, task_id), task_id).result()

    def retry(self, task_id: str) -> list[str]:
        """FAILED or BLOCKED → PENDING, with the dependencies that failed and the dependents they blocked.

        Returns the ids of all these tasks, which become this studio's own.
        """
        checked(task_id, "task id")
        freed = self._write(lambda transaction: self._requests.retry(transaction, task_id)).result()
        self.bell.ring(freed)
        return freed

    def accept(self, task_id: str) -> None:
        """A person accepts a run: AWAITING_REVIEW → COMPLETED."""
        checked(task_id, "task id")
        self._write(lambda transaction: self._requests.accept(transaction, task_id), task_id).result()

    def send_back(self, task_id: str, reason: str) -> None:
        """A person sends a run back with a reason; the task is queued for another run."""
        checked(task_id, "task id")
        self._write(lambda transaction: self._requests.send_back(transaction, task_id, reason), task_id).result()

    def give_up(self, error: AVStudioError) -> None:
        """Make all waiters and followers of tasks fail with an error."""
        self._waiting.give_up(error)
        self.feed.give_up(error)

    def close(self) -> None:
        """Wake all waiters."""
        self._waiting.close()
        self.feed.close()

    def _write(self, operation: Operation[T], *task_ids: str) -> Future[T]:
        future = self.database.write_soon(operation)
        if task_ids:
            future.add_done_callback(lambda _: self.bell.ring(task_ids))
        return future


def _is_at_rest(state: State, has_result: bool) -> bool:
    return state in ENDED or (state is State.AWAITING_REVIEW and has_result)


def _valid_states(given: Collection[State]) -> list[State]:
    try:
        return [State(one) for one in given]
    except (TypeError, ValueError):
        raise InvalidInput(f"{quoted(given)} are not states.", hint=f"Give some of: {', '.join(State)}.") from None
