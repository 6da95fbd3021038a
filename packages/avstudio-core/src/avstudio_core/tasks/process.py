"""A worker process as its studio sees it. Light to import, so that a command can start one before all else."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from weakref import WeakSet

from avstudio_core.settings import Settings

END_OF_LINES = "\0"
"""The line that a worker writes after each job: all that the job wrote came before it."""
LAST_LINE_SECONDS = 1.0
"""How long to wait for it, after a job's final report."""


_STARTED: WeakSet[Process] = WeakSet()


class Process:
    """A worker process as its studio sees it."""

    def __init__(self, environment: dict[str, str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.popen = subprocess.Popen(
                [sys.executable, "-P", "-u", "-m", "avstudio_core.tasks.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        _STARTED.add(self)
        self.connection = Connection(ours.detach())
        self.said: deque[str] = deque(maxlen=8)
        self.on_line: Callable[[str], None] = lambda line: None
        self._all_read = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, message: object) -> None:
        """Send a message; a process that is gone is found out when its answer is awaited."""
        with contextlib.suppress(OSError):
            self.connection.send_bytes(json.dumps(message).encode())

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


_SPARE: list[tuple[dict[str, str], Process]] = []


@contextmanager
def early_worker(settings: Settings) -> Iterator[None]:
    """Start a worker now, which the first job of this process will find ready; end it if no job comes.

    A one-shot command does this before it imports the rest, so that both start at the same time.
    """
    if settings.executor == "local":
        environment = _environment(settings.environment())
        _SPARE.append((environment, Process(environment)))
    try:
        yield
    finally:
        _dismiss_spares()


def hire(settings: Mapping[str, str], modules: list[str]) -> Process:
    """The worker that was started early with these settings, or a new one; it imports `modules` as plugins."""
    environment = _environment(settings)
    process = next((spare for prepared, spare in _SPARE if prepared == environment), None)
    if process is None:
        process = Process(environment)
    else:
        _SPARE[:] = [(prepared, spare) for prepared, spare in _SPARE if spare is not process]
    process.send(modules)
    return process


def kill_workers() -> None:
    """End every worker of this process now, for one that leaves without closing its studio.

    A worker sees by itself that its studio is gone, but not while a native call of a job holds its interpreter.
    """
    for process in list(_STARTED):
        if process.popen.returncode is None:
            process.kill(signal.SIGKILL)


def _dismiss_spares() -> None:
    """End the workers that nobody hired."""
    while _SPARE:
        _SPARE.pop()[1].leave()


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, **settings, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
