"""Measures the worker processes of a studio, and ends those that exceed their limits."""

from __future__ import annotations

import signal
import threading
import time

from avstudio_core.child_process import Process
from avstudio_core.confinement.cell import sweep
from avstudio_core.confinement.limits import Excess, Limits
from avstudio_core.settings import Settings

DISK_SECONDS = 2.0
"""How often the files of workers are measured, in seconds."""
SHARE = 0.02
"""The most time that measuring files may take; many files are measured less often."""
SWEEP_SECONDS = 60.0
"""How often folders of dead studios' workers are removed, in seconds."""


class Inspection:
    """The workers of one studio; `round` is called by one thread."""

    def __init__(self, settings: Settings) -> None:
        self._limits = Limits.of(settings)
        self._home = settings.home
        self._processes: set[Process] = set()
        self._changing = threading.Lock()
        self._next_disk = self._next_sweep = 0.0

    def add(self, process: Process) -> None:
        with self._changing:
            self._processes.add(process)

    def remove(self, process: Process) -> None:
        with self._changing:
            self._processes.discard(process)

    def round(self) -> None:
        """Measure every worker, and end those that exceed a limit; now and then also their files."""
        began = time.monotonic()
        with self._changing:
            processes = list(self._processes)
        for process in processes:
            self._end(process, self._limits.excess(process.popen.pid))
        if began >= self._next_disk:
            for process in processes:
                self._end(process, self._limits.full(process.cell.folder) if process.cell else None)
            took = time.monotonic() - began
            self._next_disk = began + max(DISK_SECONDS, took / SHARE)
        if began >= self._next_sweep:
            sweep(self._home)
            self._next_sweep = began + SWEEP_SECONDS

    def _end(self, process: Process, excess: Excess | None) -> None:
        """Kill a worker with its children, unless it has been ended meanwhile: its number may be another's now."""
        with self._changing:
            if excess is not None and process in self._processes and process.popen.poll() is None:
                process.excess = process.excess or excess
                process.kill(signal.SIGKILL)
