"""Lanes: jobs that share warm workers, and how many of them are taken ahead."""

from __future__ import annotations

import contextlib
import threading
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable

from avstudio_core.errors import AVStudioError, TaskCancelled
from avstudio_core.kinds.executor import Executor, Host, Order, Report
from avstudio_core.tasks.task import CANCELLED

AHEAD_SECONDS = 0.05
"""A lane takes about so much work ahead, so that short jobs need not wait for the database."""
MOST_AHEAD = 64


class Lane:
    """Orders for one set of warm workers, first come, first served."""

    def __init__(self, name: str, workers: int) -> None:
        self.name = name
        self.workers = workers
        self.waiting: deque[Order] = deque()
        self.busy = 0
        self.threads = 0
        self.mean_seconds = AHEAD_SECONDS
        self.changed = threading.Condition()

    @property
    def room(self) -> int:
        ahead = min(MOST_AHEAD, max(1, int(AHEAD_SECONDS / max(self.mean_seconds, 1e-6))))
        return self.workers * ahead - len(self.waiting) - self.busy

    def took(self, seconds: float) -> None:
        """Learn from a job how long jobs of this lane take."""
        self.mean_seconds += 0.2 * (seconds - self.mean_seconds)

    def take_back(self, job_id: str) -> bool:
        """Remove an order that nobody has begun."""
        with self.changed:
            for order in self.waiting:
                if order.job_id == job_id:
                    self.waiting.remove(order)
                    return True
        return False


class LaneExecutor(Executor):
    """An executor whose threads each serve a lane; what serving means is up to the subclass."""

    def __init__(self, host: Host, report: Callable[[Report], None]) -> None:
        super().__init__(host, lambda said: report(printable(said)))
        self.lanes: dict[str, Lane] = {}
        self.closed = threading.Event()
        self.cancelled: set[str] = set()
        self._guard = threading.Lock()
        self._threads: list[threading.Thread] = []

    @abstractmethod
    def serve(self, lane: Lane) -> None:
        """Serve a lane's orders with `next_order` until it gives none, then free what is held."""

    @abstractmethod
    def stop(self, job_id: str) -> None:
        """Make a job that has begun stop."""

    def room(self, lane: str) -> int:
        known = self.lanes.get(lane)
        return known.room if known else 1

    def start(self, order: Order) -> None:
        alone = order.needs.model or order.needs.memory_mb  # the pool admits a lane once
        lane = self._lane(order.needs.lane, 1 if alone else self.host.settings.workers)
        with lane.changed:
            lane.waiting.append(order)
            lane.changed.notify()
            if lane.threads < min(lane.workers, lane.busy + len(lane.waiting)):
                self._employ(lane)

    def cancel(self, job_id: str) -> None:
        for lane in list(self.lanes.values()):
            if lane.take_back(job_id):
                self.report(cancelled(job_id))
                return
        if job_id not in self.cancelled:
            self.cancelled.add(job_id)
            self.stop(job_id)

    def close(self) -> None:
        self.closed.set()
        for lane in list(self.lanes.values()):
            with lane.changed:
                lane.changed.notify_all()
        for thread in list(self._threads):
            thread.join()
        for lane in self.lanes.values():
            while lane.waiting:
                self.report(lost(lane.waiting.popleft().job_id))

    def next_order(self, lane: Lane, patience: float | None) -> Order | None:
        """The lane's next order, waited for so many seconds; `None` when there is none or all is closing."""
        deadline = None if patience is None else time.monotonic() + patience
        with lane.changed:
            while not lane.waiting and not self.closed.is_set():
                remaining = None if deadline is None else deadline - time.monotonic()
                if remaining is not None and remaining <= 0:
                    return None
                lane.changed.wait(None if remaining is None else min(remaining, threading.TIMEOUT_MAX))
            if self.closed.is_set():
                return None
            lane.busy += 1
            return lane.waiting.popleft()

    def done(self, lane: Lane, order: Order, began: float) -> None:
        """The order that `next_order` gave has had its final report."""
        self.cancelled.discard(order.job_id)
        lane.took(time.monotonic() - began)
        with lane.changed:
            lane.busy -= 1

    def admit(self, lane: Lane, order: Order, evict: Callable[[], bool]) -> bool:
        """Wait until the lane's model fits the budget; false, and reported, when that is not to be."""
        if not order.needs.memory_mb:
            return True
        try:
            gone = lambda: self.closed.is_set() or order.job_id in self.cancelled  # noqa: E731
            self.host.pool.admit(lane.name, order.needs, evict, gone)
        except TaskCancelled:
            self.report(lost(order.job_id) if self.closed.is_set() else cancelled(order.job_id))
            return False
        except AVStudioError as error:
            self.report(Report(job_id=order.job_id, kind="failed", code=error.code, message=str(error)))
            return False
        return True

    def _lane(self, name: str, workers: int) -> Lane:
        with self._guard:
            if name not in self.lanes:
                self.lanes[name] = Lane(name, workers)
            return self.lanes[name]

    def _employ(self, lane: Lane) -> None:
        lane.threads += 1
        thread = threading.Thread(target=self._work, args=(lane,), name=f"lane {lane.name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self, lane: Lane) -> None:
        try:
            self.serve(lane)
        finally:
            with lane.changed:
                lane.threads -= 1
                if lane.waiting and not self.closed.is_set():  # came while this thread was leaving
                    self._employ(lane)
            with contextlib.suppress(ValueError):
                self._threads.remove(threading.current_thread())


def not_run(order: Order, error: Exception) -> Report:
    """The final report of an order that an executor could not run."""
    said = f"{order.processor} could not be run: {type(error).__name__}: {error}"
    return Report(job_id=order.job_id, kind="failed", code="executor", message=said, retryable=True)


def printable(report: Report) -> Report:
    """The report with halves of characters written out (`\\udc80`, as in a file name that is not UTF-8).

    No message to another process, and no database, could hold them.
    """
    texts = {"message": report.message, "traceback": report.traceback, "code": report.code}
    written = {name: text.encode(errors="backslashreplace").decode() for name, text in texts.items()}
    return report if written == texts else report.model_copy(update=written)


def cancelled(job_id: str) -> Report:
    return Report(job_id=job_id, kind="cancelled", code=CANCELLED, message="The task was cancelled.")


def lost(job_id: str, message: str = "The studio is closing.", code: str = "closing") -> Report:
    return Report(job_id=job_id, kind="lost", code=code, message=message)
