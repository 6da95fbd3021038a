"""The default executor: worker processes that stay warm, and that can be killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import ClassVar

from avstudio_core.kinds.executor import Host, Order, Report
from avstudio_core.tasks.lanes import Lane, LaneExecutor, cancelled, lost, not_run
from avstudio_core.tasks.worker import END_OF_LINES

TERM_SECONDS = 2.0
"""From SIGTERM to SIGKILL."""
LAST_LINE_SECONDS = 1.0
"""How long to wait for what a job wrote, after its final report."""
LOG_LINES = 200
"""At most so many lines that a worker writes become events of one job."""


class Process:
    """A worker process as its studio sees it."""

    def __init__(self, environment: dict[str, str], modules: list[str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.popen = subprocess.Popen(
                [sys.executable, "-u", "-m", "avstudio_core.tasks.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        self.connection = Connection(ours.detach())
        self.said: deque[str] = deque(maxlen=8)
        self.on_line: Callable[[str], None] = lambda line: None
        self._all_read = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.send(modules)

    def send(self, message: object) -> None:
        """Send a message; a process that is gone is found out when its answer is awaited."""
        with contextlib.suppress(OSError):
            self.connection.send_bytes(json.dumps(message).encode())

    def order(self, order: Order) -> None:
        with contextlib.suppress(OSError):
            self.connection.send_bytes(order.model_dump_json().encode())

    def kill(self, number: signal.Signals) -> None:
        """Signal the worker and whatever it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, number)

    def finish_lines(self) -> None:
        """Wait until the lines that a job wrote have been read: its report comes another way, and faster."""
        self._all_read.wait(LAST_LINE_SECONDS)
        self._all_read.clear()

    def leave(self) -> None:
        """End the process and wait for it."""
        self.kill(signal.SIGKILL)
        self.popen.wait()
        self._reader.join(1.0)
        self.connection.close()

    def obituary(self) -> str:
        """How the process ended, with its last words."""
        code = self.popen.wait()
        self._reader.join(1.0)
        how = f"exited with status {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}"
        if code == -signal.SIGKILL:
            how += ", perhaps for lack of memory"
        last = f" It said: {' / '.join(self.said)}" if self.said else ""
        return f"The worker process {how}.{last}"

    def _read(self) -> None:
        assert self.popen.stdout is not None
        with self.popen.stdout as lines:
            for line in lines:
                text = line.strip()
                if text == END_OF_LINES:
                    self._all_read.set()
                elif text:
                    self.said.append(text[:500])
                    self.on_line(text[:500])


class LocalExecutor(LaneExecutor):
    """Worker processes, one for each model and `workers` for the rest; a crash fails its own job only."""

    name: ClassVar[str] = "local"

    def __init__(self, host: Host, report: Callable[[Report], None]) -> None:
        super().__init__(host, report)
        self._running: dict[str, Process] = {}

    def serve(self, lane: Lane) -> None:
        desk = Desk(self, lane)
        try:
            while (order := self.next_order(lane, self.host.settings.idle_seconds)) is not None:
                began = time.monotonic()
                try:
                    desk.serve(order)
                except Exception as error:  # no process to be had, say: the lane goes on
                    self.report(not_run(order, error))
                finally:
                    self.done(lane, order, began)
        finally:
            desk.dismiss()

    def stop(self, job_id: str) -> None:
        if process := self._running.get(job_id):
            process.send({"cancel": job_id})
            threading.Thread(target=self._insist, args=(job_id, process), daemon=True).start()

    def close(self) -> None:
        self.closed.set()
        for process in list(self._running.values()):
            process.kill(signal.SIGKILL)
        super().close()

    def converse(self, process: Process, order: Order) -> tuple[Report, bool]:
        """Send an order and pass reports on until the final one; give it, and whether the process lives."""
        self._running[order.job_id] = process
        lines = iter(range(LOG_LINES))
        process.on_line = lambda line: self._log(order.job_id, line, lines)
        if order.job_id in self.cancelled:
            self.stop(order.job_id)
        if self.closed.is_set():  # since `close` killed what was running
            process.kill(signal.SIGKILL)
        try:
            process.order(order)
            self.report(Report(job_id=order.job_id, kind="started"))
            while True:
                report = Report.model_validate_json(process.connection.recv_bytes())
                if report.final:
                    process.finish_lines()
                    return report, True
                self.report(report)
        except (EOFError, OSError):
            return self._ended(process, order.job_id), False
        finally:
            process.on_line = lambda line: None
            del self._running[order.job_id]

    def _ended(self, process: Process, job_id: str) -> Report:
        said = process.obituary()
        if job_id in self.cancelled:
            return cancelled(job_id)
        return lost(job_id) if self.closed.is_set() else lost(job_id, said, "worker_died")

    def _insist(self, job_id: str, process: Process) -> None:
        """Cancelling is a flag first, then SIGTERM, then SIGKILL."""
        for seconds, number in (
            (self.host.settings.cancel_seconds, signal.SIGTERM),
            (TERM_SECONDS, signal.SIGKILL),
        ):
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                if self._running.get(job_id) is not process:
                    return
                time.sleep(0.02)
            process.kill(number)

    def _log(self, job_id: str, line: str, lines: object) -> None:
        if next(lines, None) is not None:  # type: ignore[call-overload]
            self.report(Report(job_id=job_id, kind="log", message=line))


class Desk:
    """One thread's worker process: started when first needed, evicted when others need its memory."""

    def __init__(self, executor: LocalExecutor, lane: Lane) -> None:
        self._executor = executor
        self._lane = lane
        self._process: Process | None = None
        self._held = threading.Lock()

    def serve(self, order: Order) -> None:
        """Run one order to its final report."""
        with self._held:
            if not self._ready(order):
                return
            assert self._process is not None
            final, alive = self._executor.converse(self._process, order)
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
        if self._process is not None and self._process.popen.poll() is not None:
            self._end()
        if self._process is not None:
            return True
        if not self._executor.admit(self._lane, order, self.evict):
            return False
        host = self._executor.host
        environment = os.environ | host.settings.environment() | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = Process(environment, host.extra_modules)
        return True

    def _end(self) -> None:
        if self._process is not None:
            self._process.leave()
            self._process = None
        self._executor.host.pool.release(self._lane.name)
