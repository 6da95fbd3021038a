"""The engine: it claims ready tasks, gives them to the executor, and stores their results."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, wait

from avstudio_core.errors import AVStudioError, DataFolderError, TaskCancelled, Unavailable
from avstudio_core.kinds.executor import Executor, ExecutorHost
from avstudio_core.orders import Report
from avstudio_core.results import Result
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.tasks.engine.file_checks import FileChecks
from avstudio_core.tasks.engine.job_orders import JobOrders, Workplace
from avstudio_core.tasks.engine.live_studios import Presence
from avstudio_core.tasks.engine.outage import Outage
from avstudio_core.tasks.engine.result_cache import Earlier
from avstudio_core.tasks.engine.running_job import Running
from avstudio_core.tasks.engine.sleep import Clocks
from avstudio_core.tasks.engine.unwritten_ends import UnwrittenEnds
from avstudio_core.tasks.queue.queue import Queue
from avstudio_core.tasks.queue.queue_types import Claim, Finished, Wanted
from avstudio_core.tasks.task import CANCELLED, Problem

LOG = logging.getLogger(__name__)
STUMBLE_SECONDS = 1.0
LOOK_SECONDS = 0.05
"""How often to check for changes by other studios, in seconds; those of this studio are noticed at once."""
PATROL_SECONDS = 0.5
"""How often to check for dead studios, in seconds."""


class Engine:
    """One thread claims tasks, renews leases, takes over jobs and cancels; the executor's threads deliver reports."""

    def __init__(
        self,
        workplace: Workplace,
        queue: Queue,
        store: ArtifactStore,
        presence: Presence,
        executor: Callable[[ExecutorHost, Callable[[Report], None]], Executor],
        *,
        own: bool = False,
    ) -> None:
        self._workplace = workplace
        self._queue = queue
        self._store = store
        self._orders = JobOrders(workplace, queue, store)
        self._checks = FileChecks(store)
        self._retention = queue.retention(workplace.settings)
        self._presence = presence
        self._own = own
        self._executor = executor(workplace, self._on_report)
        self._running: dict[str, Running] = {}
        self._clocks = Clocks(workplace.settings.lease_seconds)
        self._unable: dict[str, str] = {}
        """Lanes for which this studio lacks something, each with the studio that submitted such a task."""
        self._due = self._next_renewal = self._next_patrol = self._next_look = 0.0
        self._unwritten = UnwrittenEnds()
        self.outage: AVStudioError | None = None
        """The error that has lasted so long that waiting callers got it; `None` when writing works again."""
        self._outage = Outage(workplace.settings.lease_seconds / 3)
        self._unknown: set[tuple[str, str, int]] = set()
        self._swept = False
        self._stumbled = ""
        self._woken = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def working(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """Look for tasks at once."""
        self._woken.set()

    def close(self) -> None:
        """Stop claiming tasks; running ones go back to the queue."""
        self._closing.set()
        self.wake()
        if self._thread.is_alive():
            self._thread.join()
        self._checks.close()
        self._executor.close()

    # The thread

    def _run(self) -> None:
        while not self._closing.is_set():
            trouble: BaseException | None = None
            try:
                self._round()
                self._stumbled = ""
            except Exception as error:  # the engine must survive a full disk or a locked database
                self._stumble(error)
                trouble = error
            self.outage = self._outage.lasting(trouble or self._unwritten.error)
            if self.outage is not None:
                self._queue.give_up(self.outage)
            self._woken.wait(LOOK_SECONDS)

    def _stumble(self, error: Exception) -> None:
        """Log an error, the first time as a warning, and wait before the next try."""
        if isinstance(error, AVStudioError):
            level = logging.INFO if str(error) == self._stumbled else logging.WARNING
            LOG.log(level, "No task can be taken: %s", error)
            self._stumbled = str(error)
        else:
            LOG.exception("The engine failed and tries again in %g s.", STUMBLE_SECONDS)
        self._closing.wait(STUMBLE_SECONDS)

    def _round(self) -> None:
        now = time.time()
        if time.monotonic() >= self._next_patrol:
            self._patrol()
            self._next_patrol = time.monotonic() + PATROL_SECONDS
            self.wake()
        changed = time.monotonic() >= self._next_look and self._queue.changed_elsewhere()
        if changed:
            self._stop_lost()
            self._next_look = time.monotonic() + LOOK_SECONDS
        if changed or self._woken.is_set() or now >= self._due:
            self._woken.clear()
            self._take()
            self._due = self._queue.next_due() or float("inf")

    def _patrol(self) -> None:
        """Renew the leases of this studio's jobs, and take over the jobs of dead and unresponsive studios."""
        if time.monotonic() >= self._next_renewal:
            self._queue.renew()
            self._next_renewal = time.monotonic() + self._workplace.settings.lease_seconds / 4
        self._unwritten.retry()
        self._recover()
        self._end_overdue()
        self._unable = {lane: studio for lane, studio in self._unable.items() if self._presence.alive(studio)}
        dead = self._presence.dead()
        self._queue.reap(dead, silent=self._clocks.tell())
        self._workplace.ledger.reap(dead)
        if dead or not self._swept:
            self._queue.sweep(set(self._running), dead)
            self._presence.bury(dead)
            self._swept = True
        self._retention.patrol()

    def _stop_lost(self) -> None:
        """Stop the jobs that were cancelled or taken over."""
        if running := list(self._running):
            held = self._queue.held()
            for job_id in running:
                if job_id not in held and job_id in self._running:
                    self._executor.cancel(job_id)

    def _end_overdue(self) -> None:
        """Fail the jobs on which the executor should have reported long ago, so that nobody waits for ever."""
        for job_id, running in list(self._running.items()):
            problem = running.overdue(self._workplace.settings, may_wait=self._executor.may_wait)
            if problem is not None and self._running.pop(job_id, None) is not None:
                self._executor.cancel(job_id)
                self._store.discard(running.order.folder)
                self._fail(running.claim, problem)

    def _recover(self) -> None:
        """Return jobs to the queue that run here by the database, but were unknown here at two checks in a row."""
        known = self._checks.jobs | set(self._running) | self._unwritten.jobs  # in the order of a job's stages
        unknown = {job for job in self._queue.open_jobs() if job[0] not in known}
        problem = Problem(code="worker_lost", message="The studio lost track of this run.")
        for _, task_id, fence in unknown & self._unknown:
            self._queue.lose(task_id, fence, problem)
        self._unknown = unknown

    def _take(self) -> None:
        """Claim as many tasks as each lane accepts, of the processors of this studio."""
        only = self._workplace.plugins.kind("processors")
        more = True
        while more and not self._closing.is_set():
            more = False
            for lane in self._queue.ready_lanes():
                if (room := min(self._checks.room, self._executor.room(lane))) > 0:
                    claims = self._queue.claim(self._wanted(room, only, lane))
                    for claim in claims:
                        self._dispatch(claim, lane)
                    more = more or bool(claims)

    def _wanted(self, room: int, only: Collection[str], lane: str) -> Wanted:
        return Wanted(room, only, lane, own=self._own or lane in self._unable, apart=self._executor.apart)

    def _dispatch(self, claim: Claim, lane: str) -> None:
        """Complete a claim from the cache, or give it to the executor."""
        try:
            with self._queue.planning(claim):
                order, key = self._orders.order(claim)
                earlier = self._orders.earlier(claim, order, key)
                if earlier is not None:
                    earlier = earlier._replace(done=self._orders.continued(claim, order, earlier.done, earlier.result))
        except Unavailable as error:
            studio = claim.task.origin
            if studio != self._queue.studio and self._presence.alive(studio):
                # That studio planned the task, and may be able to run it.
                self._unable[lane] = studio
                self._settle(claim, lambda: self._queue.hand_back(claim))
            else:
                self._fail(claim, Problem.of(error))
        except AVStudioError as error:
            self._fail(claim, Problem.of(error))
        except BaseException as error:  # a plugin's `needs` is foreign code, which must not end this thread
            message = f"{claim.task.processor} could not be planned: {type(error).__name__}: {error}"
            self._fail(claim, Problem(code="processor_error", message=message))
        else:
            # The result of a rerun with feedback must not be used for a request without feedback.
            running = Running(claim, order, key if claim.task.feedback is None else None)
            if earlier is None:
                self._verify(running)
            else:
                self._checks.check(claim.job_id, earlier.files, lambda flaw: self._verified(running, flaw, earlier))

    def _verify(self, running: Running) -> None:
        """Verify the files that a run reads, unless this studio did and they did not change; then run it."""
        self._checks.check(running.claim.job_id, running.order.contents, lambda flaw: self._verified(running, flaw))

    def _verified(self, running: Running, flaw: AVStudioError | None, earlier: Earlier | None = None) -> None:
        """After the verification: answer with an earlier result, or run; at closing, return the job."""
        claim = running.claim
        if isinstance(flaw, TaskCancelled):
            self._settle(claim, lambda: self._queue.hand_back(claim))
        elif flaw is None and earlier is not None:
            self._settle(claim, lambda: self._queue.finish_from_cache(claim, earlier.done))
        elif flaw is None:
            self._hand_over(running)
        elif earlier is not None:
            self._verify(running)
        else:
            self._fail(claim, running.damaged(flaw))

    def _hand_over(self, running: Running) -> None:
        claim = running.claim
        self._running[claim.job_id] = running
        try:
            self._executor.start(running.order)
        except Exception:
            del self._running[claim.job_id]
            self._settle(claim, lambda: self._queue.hand_back(claim))
            raise

    # The executor's threads

    def _on_report(self, report: Report) -> None:
        if not report.final:
            if running := self._running.get(report.job_id):
                self._pass_on(running, report)
            return
        if (running := self._running.pop(report.job_id, None)) is None:
            return
        if report.kind == "done":
            self._done(running, report)
        else:
            self._ended(running, report)
        self.wake()

    def _pass_on(self, running: Running, report: Report) -> None:
        if report.kind == "started":
            running.start()
            if running.again:  # the task never left IN_PROGRESS
                return
            began = self._queue.start(running.claim)
            began.add_done_callback(lambda future: self._began(running, future))
            if running.claim.task.deliveries > 1:  # its run may have ended a studio, so this death must be counted
                wait([began])
        elif report.kind == "reviewing":
            self._queue.review(running.claim)
        elif report.kind == "log":
            self._queue.log(running.claim, report.message)
        elif report.kind == "refused":
            self._workplace.gate.note(report.host, report.message)
        elif report.kind == "token":
            self._queue.token(running.claim, report.request_id, report.message, done=report.complete)
        elif running.news(report.percent):
            self._queue.progress(running.claim, report.percent, report.message)

    def _began(self, running: Running, future: Future[bool]) -> None:
        """Stop a run whose task was cancelled or taken over before it began."""
        if future.exception() is None and not future.result():
            self._executor.cancel(running.order.job_id)

    def _done(self, running: Running, report: Report) -> None:
        if report.review is not None and not report.review.accepted:
            self._sent_back(running, report.review.reason)
            return
        try:
            done, result = self._made(running, report)
        except BaseException as error:  # a worker's data is foreign
            message = " ".join(f"{running.order.processor} returned a result that cannot be stored: {error}".split())
            self._ended(running, Report(job_id=report.job_id, kind="failed", code="invalid_result", message=message))
            return
        try:
            done = self._orders.continued(running.claim, running.order, done, result)
        except AVStudioError as error:  # the plan in the result is not valid
            problem = {"code": error.code, "message": error.message, "hint": error.hint}
            self._ended(running, Report.model_validate({"job_id": report.job_id, "kind": "failed", **problem}))
            return
        self._publish(running, done)

    def _made(self, running: Running, report: Report) -> tuple[Finished, Result]:
        running.order.refuse_large(report.result)
        kind = self._workplace.processor(running.order.processor).result_type
        result = kind.model_validate_json(report.result)
        made = {one.id: one for one in running.made(result)}
        done = Finished(
            result=report.result,
            artifacts=tuple(made.values()),
            folder=running.order.folder,
            texts=tuple(one for one in report.texts if one.artifact is None or one.artifact in made),
            source=running.order.source.id if running.order.source else None,
            cache_key=running.cache_key,
        )
        return done, result

    def _publish(self, running: Running, done: Finished) -> None:
        self._unwritten.add(running.claim.job_id)
        staged = running.order.folder.exists()  # looked up here, and not on the writer's thread
        future = self._queue.finish(running.claim, done)
        future.add_done_callback(lambda future: self._finished(running, done, future, staged=staged))

    def _finished(self, running: Running, done: Finished, future: Future[bool], *, staged: bool) -> None:
        """After the write: the run is published, or its claim was stale, or publishing failed and the task fails."""
        error = future.exception()
        if isinstance(error, DataFolderError):  # another program has locked the database: the result is written later
            self._unwritten.add_failed(running.claim.job_id, error, lambda: self._publish(running, done))
            return
        if error is not None or not future.result():
            stale = Problem(code=CANCELLED, message="The task was cancelled.")  # or it was taken over
            self._fail(running.claim, Problem.of(error) if error is not None else stale)
            self._queue.abandon(running.order.folder)
            return
        self._unwritten.remove(running.claim.job_id)
        if running.claim.task.leads or done.continuation:  # the steps that come next can be claimed now
            self.wake()
        if staged:
            self._store.discard(running.order.folder)

    def _fail(self, claim: Claim, problem: Problem, *, retryable: bool = False) -> None:
        self._settle(claim, lambda: self._queue.fail(claim, problem, retryable=retryable))

    def _settle(self, claim: Claim, write: Callable[[], Future[bool]]) -> None:
        """Store the end of a job, retrying until it is written; then look for tasks."""

        def written() -> Future[bool]:
            future = write()
            future.add_done_callback(lambda _: self.wake())
            return future

        self._unwritten.write(claim.job_id, written)

    def _sent_back(self, running: Running, reason: str) -> None:
        self._store.discard(running.order.folder)
        if running.again:
            message = f"{running.order.processor} was refused by its own review twice: {reason or 'it gave no reason'}"
            self._fail(running.claim, Problem(code="review", message=message))
            return
        self._unwritten.add(running.claim.job_id)
        future = self._queue.rerun(running.claim, reason)
        future.add_done_callback(lambda future: self._run_again(running, reason, future))

    def _run_again(self, running: Running, reason: str, future: Future[Claim | None]) -> None:
        if error := future.exception():
            self._fail(running.claim, Problem.of(error), retryable=True)
            return
        self._unwritten.remove(running.claim.job_id)
        if again := future.result():
            folder = self._store.staging / again.job_id
            update = {"job_id": again.job_id, "attempt": again.attempt, "feedback": reason, "folder": folder}
            order = running.order.model_copy(update=update)
            self._hand_over(Running(again, order, running.cache_key, again=True))

    def _ended(self, running: Running, report: Report) -> None:
        self._store.discard(running.order.folder)
        facts = {name: getattr(report, name) for name in ("code", "message", "hint", "base", "traceback")}
        problem = Problem(**facts)
        if report.kind == "lost":
            claim = running.claim
            if self._closing.is_set() or report.code == "closing":  # it was returned, and did not die
                self._settle(claim, lambda: self._queue.hand_back(claim))
            else:
                self._settle(claim, lambda: self._queue.lose(claim.task_id, claim.fence, problem))
        else:
            self._fail(running.claim, problem, retryable=report.retryable)
