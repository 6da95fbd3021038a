"""Lanes: each holds the jobs of the same warm workers, and how many of them are claimed ahead."""

from __future__ import annotations

import contextlib
import threading
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from typing import ClassVar

from avstudio_core.errors import AVStudioError, TaskCancelled
from avstudio_core.kinds.executor import Executor, ExecutorHost
from avstudio_core.names import escaped, is_encodable
from avstudio_core.orders import Order, Report
from avstudio_core.tasks.task import CANCELLED

AHEAD_SECONDS = 0.05
"""Seconds of work that a lane claims ahead, so that short jobs need not wait for the database."""
MOST_AHEAD = 64
LONG_SECONDS = 4 * AHEAD_SECONDS
"""A worker whose job takes longer claims nothing ahead; claimed jobs that wait longer go back. In seconds."""

TEXTS = ("message", "hint", "traceback", "code")
"""The fields of a report that may be from foreign code."""


class Lane:
    """Orders for one set of warm workers, first come, first served."""

    def __init__(self, name: str, workers: int) -> None:
        self.name = name
        self.workers = workers
        self.waiting: deque[tuple[Order, float]] = deque()
        """The waiting orders, each with its start of waiting."""
        self.begun: dict[str, float] = {}
        """The start of each running job."""
        self.threads = 0
        self.mean_seconds = AHEAD_SECONDS
        self.proven_at = float("inf")
        """When the first job ended: until then, workers are starting, and nothing is claimed ahead."""
        self.changed = threading.Condition()

    @property
    def room(self) -> int:
        ahead = min(MOST_AHEAD, max(1, int(AHEAD_SECONDS / max(self.mean_seconds, 1e-6))))
        with self.changed:
            long = sum(began < time.monotonic() - LONG_SECONDS for began in self.begun.values())
            return (self.workers - long) * ahead - len(self.waiting) - (len(self.begun) - long)

    def begin(self) -> Order:
        """The next order; it counts as running."""
        order, _ = self.waiting.popleft()
        self.begun[order.job_id] = time.monotonic()
        return order

    def end(self, job_id: str) -> None:
        """Record the end of a job, and its duration for estimates."""
        with self.changed:
            seconds = time.monotonic() - self.begun.pop(job_id)
            self.mean_seconds += 0.2 * (seconds - self.mean_seconds)
            self.proven_at = min(self.proven_at, time.monotonic())

    def take_back(self, job_id: str) -> bool:
        """Remove a waiting order."""
        with self.changed:
            for one in self.waiting:
                if one[0].job_id == job_id:
                    self.waiting.remove(one)
                    return True
        return False

    def overdue(self) -> list[Order]:
        """Remove the orders that have waited too long while all workers are busy."""
        with self.changed:
            until = time.monotonic() - LONG_SECONDS
            if len(self.begun) < self.workers or self.proven_at > until:
                return []
            found = [order for order, since in self.waiting if since < until]
            for _ in found:
                self.waiting.popleft()
            return found


class LaneExecutor(Executor):
    """An executor whose threads each serve a lane; a subclass implements `serve`."""

    may_wait: ClassVar[bool] = True

    def __init__(self, host: ExecutorHost, report: Callable[[Report], None]) -> None:
        super().__init__(host, lambda one: report(printable(one)))
        self.lanes: dict[str, Lane] = {}
        self.closed = threading.Event()
        self.cancelled: set[str] = set()
        self._deadlines: dict[str, float] = {}
        """The deadline of each running job."""
        self._overtime: set[str] = set()
        self._guard = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._watcher = threading.Thread(target=self._watch, name="lanes", daemon=True)

    @abstractmethod
    def serve(self, lane: Lane) -> None:
        """Run a lane's orders from `next_order` until it returns `None`, then free all resources."""

    @abstractmethod
    def stop(self, job_id: str) -> None:
        """Stop a running job."""

    def inspect(self) -> None:
        """Check the limits of running jobs; called a few times a second."""

    def room(self, lane: str) -> int:
        known = self.lanes.get(lane)
        return known.room if known else 1

    def start(self, order: Order) -> None:
        alone = order.needs.model or order.needs.memory_mb  # the pool admits a lane only once
        lane = self._lane(order.needs.lane, 1 if alone else self.host.settings.workers)
        with lane.changed:
            lane.waiting.append((order, time.monotonic()))
            lane.changed.notify()
            if lane.threads < min(lane.workers, len(lane.begun) + len(lane.waiting)):
                self._employ(lane)

    def cancel(self, job_id: str) -> None:
        for lane in list(self.lanes.values()):
            if lane.take_back(job_id):
                self.report(cancelled(job_id))
                return
        if job_id not in self.cancelled and any(job_id in lane.begun for lane in list(self.lanes.values())):
            self.cancelled.add(job_id)
            self.stop(job_id)

    def close(self) -> None:
        self.closed.set()
        for lane in list(self.lanes.values()):
            with lane.changed:
                lane.changed.notify_all()
        for thread in [*self._threads, *([self._watcher] if self.lanes else [])]:
            thread.join()
        for lane in self.lanes.values():
            while lane.waiting:
                self.report(lost(lane.waiting.popleft()[0].job_id))

    def next_order(self, lane: Lane, patience: float | None) -> Order | None:
        """Wait for the lane's next order; `None` if there is none in time, or at closing."""
        deadline = None if patience is None else time.monotonic() + patience
        with lane.changed:
            while not lane.waiting and not self.closed.is_set():
                remaining = None if deadline is None else deadline - time.monotonic()
                if remaining is not None and remaining <= 0:
                    return None
                lane.changed.wait(None if remaining is None else min(remaining, threading.TIMEOUT_MAX))
            if self.closed.is_set():
                return None
            return lane.begin()

    def began(self, order: Order) -> None:
        """Record the start of a run, from which its time limit counts."""
        self.report(Report(job_id=order.job_id, kind="started"))
        self._deadlines[order.job_id] = time.monotonic() + order.limit(self.host.settings.limit_seconds)

    def judged(self, order: Order, final: Report) -> Report:
        """The final report of a run; a run that was stopped at its time limit has failed."""
        if order.job_id not in self._overtime or final.kind not in ("cancelled", "lost"):
            return final
        limit = order.limit(self.host.settings.limit_seconds)
        message = f"{order.processor} took longer than its limit of {limit:g} s, and was stopped."
        if order.needs.limit_seconds != limit:
            message += " The limit is the setting 'limit_seconds'."
        return Report(job_id=order.job_id, kind="failed", code="time_limit", message=message)

    def done(self, lane: Lane, order: Order) -> None:
        """Record that an order from `next_order` has had its final report."""
        self.host.pool.hand_over(lane.name)
        lane.end(order.job_id)
        self.cancelled.discard(order.job_id)
        self._deadlines.pop(order.job_id, None)
        self._overtime.discard(order.job_id)

    def admit(self, lane: Lane, order: Order, evict: Callable[[], bool]) -> bool:
        """Wait until the lane's model fits the budget; false, with a report, if it does not."""
        if not order.needs.memory_mb:
            return True
        try:
            gone = lambda: self.closed.is_set() or order.job_id in self.cancelled  # noqa: E731
            self.host.pool.admit(lane.name, order.needs, evict, gone)
        except TaskCancelled:
            self.report(lost(order.job_id) if self.closed.is_set() else cancelled(order.job_id))
            return False
        except AVStudioError as error:
            self.report(
                Report(job_id=order.job_id, kind="failed", code=error.code, message=error.message, hint=error.hint)
            )
            return False
        return True

    def _lane(self, name: str, workers: int) -> Lane:
        with self._guard:
            if not self.lanes:
                self._watcher.start()
            if name not in self.lanes:
                self.lanes[name] = Lane(name, workers)
            return self.lanes[name]

    def _employ(self, lane: Lane) -> None:
        lane.threads += 1
        thread = threading.Thread(target=self._work, args=(lane,), name=f"lane {lane.name}", daemon=True)
        self._threads.append(thread)
        try:
            thread.start()
        except RuntimeError as error:  # the system cannot start another thread
            lane.threads -= 1
            self._threads.remove(thread)
            while lane.waiting and not lane.threads:
                self.report(not_run(lane.waiting.popleft()[0], error))

    def _work(self, lane: Lane) -> None:
        try:
            self.serve(lane)
        finally:
            with lane.changed:
                lane.threads -= 1
                if lane.waiting and not self.closed.is_set():  # an order came while this thread was ending
                    self._employ(lane)
            with contextlib.suppress(ValueError):
                self._threads.remove(threading.current_thread())

    def _watch(self) -> None:
        """Return orders that wait too long (more urgent tasks may exist), and stop runs at their time limit."""
        while not self.closed.wait(LONG_SECONDS):
            for order in [order for lane in list(self.lanes.values()) for order in lane.overdue()]:
                with contextlib.suppress(Exception):  # an error of one must not stop the others
                    self.report(lost(order.job_id, "It was claimed ahead, but no worker was free."))
            self._stop_overtime()
            with contextlib.suppress(Exception):  # the watch goes on
                self.inspect()

    def _stop_overtime(self) -> None:
        """Stop the runs that have reached their time limit."""
        now = time.monotonic()
        for job_id, deadline in list(self._deadlines.items()):
            if now > deadline and job_id not in self._overtime:
                self._overtime.add(job_id)
                with contextlib.suppress(Exception):  # an error of one must not stop the others
                    self.stop(job_id)


def not_run(order: Order, error: Exception) -> Report:
    """The final report of an order that an executor could not run."""
    message = f"{order.processor} could not be run: {type(error).__name__}: {error}"
    return Report(job_id=order.job_id, kind="failed", code="executor", message=message, retryable=True)


def printable(report: Report) -> Report:
    """The report with lone surrogates as escapes: other processes and the database cannot take them."""
    if all(map(is_encodable, (report.message, report.hint, report.traceback, report.code))):
        return report
    return report.model_copy(update={name: escaped(getattr(report, name)) for name in TEXTS})


def cancelled(job_id: str) -> Report:
    return Report(job_id=job_id, kind="cancelled", code=CANCELLED, message="The task was cancelled.")


def lost(job_id: str, message: str = "The studio is closing.", code: str = "closing") -> Report:
    return Report(job_id=job_id, kind="lost", code=code, message=message)
