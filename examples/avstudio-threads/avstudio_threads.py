"""An executor of AV-Studio: jobs on threads of the studio's own process."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial

from avstudio_core import (
    AVStudioError,
    Context,
    Executor,
    ExecutorHost,
    Order,
    Report,
    TaskCancelled,
    Warm,
    context_for,
    hookimpl,
    run_order,
)


class Threads(Executor):
    """Runs as many jobs at a time as the setting `workers` allows."""

    name = "threads"
    may_wait = True  # a job may wait for a model's memory

    def __init__(self, host: ExecutorHost, report: Callable[[Report], None]) -> None:
        super().__init__(host, report)
        self._workers: int = host.settings.workers
        self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="job")
        self._jobs: dict[str, tuple[Future[Report], Context]] = {}
        self._warm = Warm()
        self._in_use: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._closing = False

    def room(self, lane: str) -> int:
        return self._workers - len(self._jobs)

    def start(self, order: Order) -> None:
        context = context_for(order, self.host, self.report, self._warm)
        job = self._threads.submit(self._work, order, context)
        self._jobs[order.job_id] = job, context
        job.add_done_callback(partial(self._end, order))

    def cancel(self, job_id: str) -> None:
        if job_id in self._jobs:
            job, context = self._jobs[job_id]
            job.cancel()  # ends a job that has not begun
            context.cancel()  # stops a job that has begun

    def close(self) -> None:
        self._closing = True
        for job_id in list(self._jobs):
            self.cancel(job_id)
        self._threads.shutdown()
        for lane in list(self._in_use):
            self._free(lane)

    def _work(self, order: Order, context: Context) -> Report:
        lane = order.needs.lane
        try:
            with self._in_use[lane] if order.needs.memory_mb else nullcontext():  # a model serves one job at a time
                if order.needs.memory_mb and not self.host.pool.holds(lane):
                    self.host.pool.admit(lane, order.needs, partial(self._free, lane), context.cancelled)
                self.report(Report(job_id=order.job_id, kind="started"))
                return self._in_time(order, context)
        except TaskCancelled:
            return Report(job_id=order.job_id, kind="cancelled")
        except AVStudioError as error:
            message, hint = error.message, error.hint
            return Report(job_id=order.job_id, kind="failed", code=error.code, message=message, hint=hint)

    def _in_time(self, order: Order, context: Context) -> Report:
        """Run, and stop the run when its time is up."""
        limit, began = order.limit(self.host.settings.limit_seconds), time.monotonic()
        timer = threading.Timer(min(limit, threading.TIMEOUT_MAX), context.cancel)
        timer.start()
        try:
            processor = self.host.processor(order.processor)
            final = run_order(order, processor, context, self.host.distribution(order.processor))
        finally:
            timer.cancel()
        if final.kind != "cancelled" or time.monotonic() < began + limit:
            return final
        message = f"{order.processor} took longer than its limit of {limit:g} s, and was stopped."
        return Report(job_id=order.job_id, kind="failed", code="time_limit", message=message)

    def _end(self, order: Order, job: Future[Report]) -> None:
        """Send the one final report of an order, also if it was cancelled or failed."""
        del self._jobs[order.job_id]
        if job.cancelled():
            final = Report(job_id=order.job_id, kind="cancelled")
        elif error := job.exception():
            final = Report(job_id=order.job_id, kind="failed", code="executor", message=repr(error), retryable=True)
        else:
            final = job.result()
        if self._closing and final.kind == "cancelled":
            final = Report(job_id=order.job_id, kind="lost", code="closing")
        self.report(final)

    def _free(self, lane: str) -> bool:
        """Free the memory of a model unless a job uses it; return whether it was freed."""
        if not self._in_use[lane].acquire(blocking=False):
            return False
        try:
            self._warm.drop(f"{lane}:")
            self.host.pool.release(lane)
            return True
        finally:
            self._in_use[lane].release()


@hookimpl
def register_executors() -> list[type[Executor]]:
    return [Threads]
