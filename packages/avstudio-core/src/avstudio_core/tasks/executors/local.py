"""The default executor: worker processes, which stay warm and can be killed."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import ClassVar

from avstudio_core.child_process import Process, hire
from avstudio_core.confinement.grant import Grant
from avstudio_core.kinds.executor import ExecutorHost
from avstudio_core.orders import Order, Report
from avstudio_core.paths import user_path
from avstudio_core.tasks.executors.inspection import Inspection
from avstudio_core.tasks.executors.lanes import Lane, LaneExecutor, cancelled, lost, not_run
from avstudio_core.tasks.executors.relay import Relay

TERM_SECONDS = 2.0
"""Seconds between SIGTERM and SIGKILL."""
LOG_LINES = 200
"""The most lines of a worker that become events of one job."""


class LocalExecutor(LaneExecutor):
    """Worker processes, one for each model and `workers` for other jobs; a crash fails only its own job."""

    name: ClassVar[str] = "local"
    apart: ClassVar[bool] = True

    def __init__(self, host: ExecutorHost, report: Callable[[Report], None]) -> None:
        super().__init__(host, report)
        self._running: dict[str, Process] = {}
        self.inspection = Inspection(host.settings)
        self._signalling = threading.Lock()
        """Held while checking and signalling a job, so that the signal does not reach a later job."""

    def serve(self, lane: Lane) -> None:
        desk = Desk(self, lane)
        try:
            while (order := self.next_order(lane, self.host.settings.idle_seconds)) is not None:
                try:
                    desk.serve(order)
                except Exception as error:  # for example no process could be started: the lane continues
                    self.report(not_run(order, error))
                finally:
                    self.done(lane, order)
        finally:
            desk.dismiss()

    def stop(self, job_id: str) -> None:
        if process := self._running.get(job_id):
            threading.Thread(target=self._insist, args=(job_id, process), daemon=True).start()
            process.send(json.dumps({"cancel": job_id}))  # blocks while a worker does not read, until it is killed

    def inspect(self) -> None:
        self.inspection.round()

    def close(self) -> None:
        self.closed.set()
        with self._signalling:
            for process in self._running.values():
                process.kill(signal.SIGKILL)
        super().close()

    def converse(self, process: Process, order: Order) -> tuple[Report, bool]:
        """Send an order and pass on reports until the final one; return it, and whether the process is alive."""
        with self._signalling:
            self._running[order.job_id] = process
        if self.closed.is_set():  # `close` has already killed all running workers
            process.kill(signal.SIGKILL)
        try:
            final = self._run(process, order)
        finally:
            with self._signalling:
                del self._running[order.job_id]
        if final is None:
            return self.judged(order, self._ended(process, order.job_id)), False
        if process.cell is not None and final.kind == "done":
            process.cell.hand_over(order.job_id, order.folder)
        elif process.cell is not None:
            process.cell.discard(order.job_id)
        return self.judged(order, final), not (process.killed or final.unclean)

    def _run(self, process: Process, order: Order) -> Report | None:
        """The final report; `None` if the process ended before it."""
        patience = self.host.settings.silent_seconds
        relay = Relay(self.host, process, order, self.report)
        left = iter(range(LOG_LINES))
        try:
            process.send(_its_own(process, order).model_dump_json())
            if order.job_id in self.cancelled:  # cancelled before the worker had the order
                self.stop(order.job_id)
            self.began(order)
            for message in process.messages(lambda line: self._log(order.job_id, line, left), patience):
                report = Report.model_validate_json(message)
                if report.job_id != order.job_id:  # from a thread that outlived its job
                    continue
                if report.final:
                    return report
                if report.ask is None:
                    self.report(report)
                elif report.kind == "give_up":
                    relay.give_up(report.ask.id)
                else:
                    relay.ask(report.ask)
        except (EOFError, OSError):
            pass
        finally:
            relay.close()
        return None

    def _ended(self, process: Process, job_id: str) -> Report:
        ending = process.obituary()
        if job_id in self.cancelled:
            return cancelled(job_id)
        if why := process.excess:
            return Report(job_id=job_id, kind="failed", code=why.code, message=why.message, hint=why.hint)
        return lost(job_id) if self.closed.is_set() else lost(job_id, ending, "worker_died")

    def _insist(self, job_id: str, process: Process) -> None:
        """Cancel a job: first with a flag, then with SIGTERM, then with SIGKILL."""
        for seconds, number in (
            (self.host.settings.cancel_seconds, signal.SIGTERM),
            (TERM_SECONDS, signal.SIGKILL),
        ):
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                if self._running.get(job_id) is not process:
                    return
                time.sleep(0.02)
            with self._signalling:
                if self._running.get(job_id) is process:
                    process.kill(number)

    def _log(self, job_id: str, line: str, left: Iterator[int]) -> None:
        if next(left, None) is not None:
            self.report(Report(job_id=job_id, kind="log", message=line))


class Desk:
    """The worker process of one thread: started at its first use, evicted when others need its memory."""

    def __init__(self, executor: LocalExecutor, lane: Lane) -> None:
        self._executor = executor
        self._lane = lane
        self._process: Process | None = None
        self._admitted_mb = 0
        self._held = threading.Lock()

    def serve(self, order: Order) -> None:
        """Run one order up to its final report."""
        with self._held:
            if not self._ready(order):
                return
            assert self._process is not None
            try:
                final, alive = self._executor.converse(self._process, order)
            except BaseException:
                self._end()  # its remaining messages must not reach a later order
                raise
            if not alive:
                self._end()
            elif order.needs.memory_mb:
                self._executor.host.pool.measured(self._lane.name, final.memory_mb)
        self._executor.report(final)

    def dismiss(self) -> None:
        with self._held:
            self._end()

    def evict(self) -> bool:
        """Free the memory, unless a job is using it."""
        if not self._held.acquire(blocking=False):
            return False
        try:
            self._end()
            return True
        finally:
            self._held.release()

    def _ready(self, order: Order) -> bool:
        host = self._executor.host
        grant = _grant(host, order)
        if self._process is not None and (
            self._process.popen.poll() is not None
            or order.needs.memory_mb > self._admitted_mb
            or self._process.grant != grant
        ):
            self._end()  # dead, confined otherwise, or too small: a longer recording is admitted with its own needs
        if self._process is not None:
            return True
        if not self._executor.admit(self._lane, order, self.evict):
            return False
        self._admitted_mb = order.needs.memory_mb
        try:
            self._process = hire(host.settings.environment(), host.extra_modules, host.settings.home, grant)
            self._executor.inspection.add(self._process)
        except BaseException:
            self._end()  # the admitted worker does not exist
            raise
        return True

    def _end(self) -> None:
        if self._process is not None:
            self._executor.inspection.remove(self._process)
            self._process.leave()
            self._process = None
        self._executor.host.pool.release(self._lane.name)


def _grant(host: ExecutorHost, order: Order) -> Grant:
    """What the worker of an order may use besides its own folder."""
    needs = order.needs
    model = str(host.shelf.folder(needs.model)) if needs.model and _is_path(needs.model) else ""
    variables = tuple(sorted(host.processor(order.processor).variables))
    return Grant(network=needs.network, device=needs.device, model=model, variables=variables)


def _is_path(model: str) -> bool:
    return os.sep in model and user_path(model).exists()


def _its_own(process: Process, order: Order) -> Order:
    """The order as the worker gets it: it writes its files to its own folder."""
    return order if process.cell is None else order.model_copy(update={"folder": process.cell.job(order.job_id)})
