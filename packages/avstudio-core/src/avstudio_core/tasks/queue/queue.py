"""The durable queue: a studio's queries about tasks, and its changes, each in one transaction."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

from avstudio_core.errors import AVStudioError, StorageError
from avstudio_core.events import Event
from avstudio_core.gateway.ledger.call_facts import Payer
from avstudio_core.reach import Reach
from avstudio_core.settings import Settings
from avstudio_core.storage import sweep
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.storage.database import Database, Transaction
from avstudio_core.storage.queries import rows
from avstudio_core.tasks.events import event_log
from avstudio_core.tasks.events.bell import Bell
from avstudio_core.tasks.events.hub import Hub, Listener
from avstudio_core.tasks.queue import publication, run_rows, statements
from avstudio_core.tasks.queue.known_names import KnownNames
from avstudio_core.tasks.queue.owned_tasks import OwnedTasks, Shared
from avstudio_core.tasks.queue.queue_types import LOCAL_PAYER, Claim, Finished, NewTask, Rules, Wanted
from avstudio_core.tasks.queue.removal import Removal
from avstudio_core.tasks.queue.retention import Retention
from avstudio_core.tasks.queue.run_rows import NewRun, Terms
from avstudio_core.tasks.queue.runs import Runs
from avstudio_core.tasks.queue.takeover import Takeover
from avstudio_core.tasks.queue.user_requests import UserRequests
from avstudio_core.tasks.queue.waiters import Waiting
from avstudio_core.tasks.task import Problem, TaskOptions


class Queue(OwnedTasks):
    """The tasks of all owners, with the operations that a studio needs to run them.

    Those that return a `Future` are given to the writer, and take effect in the order of the calls; the others return
    when their change is on the disk.
    """

    def __init__(
        self, database: Database, store: ArtifactStore, rules: Rules, clock: Callable[[], float] = time.time
    ) -> None:
        bell = Bell()
        shared = Shared(database, bell, Hub(database, bell), Waiting(database, bell))
        self.removal = Removal(database, store, rules.studio)
        super().__init__(shared, UserRequests(rules, clock), self.removal)
        self.studio = rules.studio
        self._store = store
        self._rules = rules
        self._clock = clock
        self._runs = Runs(store, rules, clock)
        self._takeover = Takeover(rules, clock)
        self._me = {"studio": self.studio}

    # Queries of the engine

    def of(self, reach: Reach, allow: Callable[[], None], known: KnownNames) -> OwnedTasks:
        """The tasks within a reach; `allow` raises an error if they may not be changed."""
        requests = UserRequests(self._rules, self._clock, reach)
        return OwnedTasks(self._shared, requests, self.removal.of(reach), allow, known)

    def cached(self, cache_key: str, owner: str, project: str) -> str | None:
        """The stored result of the newest completed task in the owner's project with that cache key."""
        values = {"key": cache_key, "owner": owner, "project": project}
        with self._database.read() as connection:
            return connection.execute(statements.CACHED, values).scalar()

    def next_due(self) -> float | None:
        """When the next task that pauses before a retry may run."""
        with self._database.read() as connection:
            ((due,),) = rows(connection, statements.NEXT_DUE, {"now": self._clock()})
        return None if due is None else float(due)

    def ready_lanes(self) -> list[str]:
        """The lanes with tasks that are ready to run."""
        with self._database.read() as connection:
            return [lane for (lane,) in rows(connection, statements.READY_LANES, {})]

    def open_jobs(self) -> set[tuple[str, str, int]]:
        """Job, task and fencing token of each job that this studio runs by the database."""
        with self._database.read() as connection:
            return {(job, task, fence) for job, task, fence in rows(connection, statements.OPEN_JOBS, self._me)}

    def held(self) -> set[str]:
        """The jobs that this studio should continue: neither cancelled nor taken over."""
        with self._database.read() as connection:
            return set(connection.execute(statements.HELD_BY, self._me).scalars())

    def run_with_key(self, owner: str, project: str, key: str) -> str | None:
        """The id of the run with that key in an owner's project."""
        return run_rows.with_key(self._database, owner, project, key)

    def terms(self, run_id: str | None, task_id: str, now: float) -> Terms:
        """On which terms a task of a run may start now."""
        return run_rows.terms(self._database, run_id, task_id, now)

    def changed_elsewhere(self) -> bool:
        """Whether another connection has committed since the last call. For one thread only."""
        return self._database.changed_elsewhere()

    # A studio's jobs

    def submit(
        self,
        plan_id: str,
        new: Sequence[NewTask],
        options: TaskOptions,
        payer: Payer = LOCAL_PAYER,
        text: str = "",
        run: NewRun | None = None,
    ) -> str:
        """Store tasks; when this returns, they are on the disk and will run. A plan is kept if it has a `text`.

        With a `run`, its id is returned; if the owner's project has a run with the same key, only the id of that one.
        """

        def operation(transaction: Transaction) -> str:
            begun = self._runs.begin_run(transaction, run, len(new)) if run is not None else ""
            if run is None or begun == run.id:
                self._runs.submit(transaction, plan_id, new, options, payer, text)
            return begun

        return self._write(operation).result()

    def claim(self, wanted: Wanted) -> list[Claim]:
        """Claim ready tasks: owners take turns; of each, this studio's own first, then by priority, then the oldest."""
        return self._write(lambda transaction: self._runs.claim(transaction, wanted)).result()

    @contextmanager
    def planning(self, claim: Claim) -> Iterator[None]:
        """The block plans a claimed task in this process, with foreign code.

        If an earlier job of the task died, planning may be the reason: a death in this block counts like one of a run.
        """
        if claim.task.deliveries == 1:
            yield
            return
        self._write(lambda transaction: self._runs.planning(transaction, claim, ended=False)).result()
        try:
            yield
        finally:
            self._write(lambda transaction: self._runs.planning(transaction, claim, ended=True))

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

    def publish(self, kind: str, subject: str, data: str, owner: str, project: str | None = None) -> Event:
        """Store an event that is not about a task; `data` is JSON."""
        facts = (kind, subject, data, whose := Reach(owner, project), now := self._clock())
        stored = self._write(lambda transaction: event_log.publish(transaction, *facts), subject)
        values = {"time": now, "subject": subject, "type": kind, "data": json.loads(data), **whose._asdict()}
        return Event.model_validate({"seq": stored.result(), **values})

    def finish(self, claim: Claim, done: Finished) -> Future[bool]:
        """Publish and complete (or await a person's review); false, without publishing, for a stale claim."""
        try:
            publication.upload(self._store, done)
        except StorageError as error:
            failed: Future[bool] = Future()
            failed.set_exception(error)
            return failed
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
        self._bell.ring(found)
        return found

    def sweep(self, running: Collection[str], dead: Collection[str]) -> None:
        """Remove the staging folders of ended jobs, and files that they had linked when their studio died."""
        sweep.sweep(self._database, self._store, running, dead)

    def abandon(self, folder: Path) -> None:
        """Remove the staging folder of a failed publication, and the files that it had already linked."""
        sweep.abandon(self._database, self._store, folder)

    def tell_all(self, listener: Listener) -> None:
        """Call a listener with the events of all studios on the folder."""
        self._hub.add(listener)

    def retention(self, settings: Settings) -> Retention:
        """What removes old work by itself."""
        return Retention(self._database, self.removal, settings)

    def give_up(self, error: AVStudioError) -> None:
        """Make all waiters and followers of tasks fail with an error."""
        self._waiting.give_up(error)
        self._hub.give_up(error)

    def end_events(self) -> None:
        """End all streams of events."""
        self._hub.close()

    def close(self) -> None:
        """Wake all waiters."""
        self._waiting.close()
        self._hub.close()
