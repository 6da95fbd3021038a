"""The state that all jobs of a worker process share, such as folder, environment and threads; no job may change it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from avstudio_core.results import CodedWarning
from avstudio_core.tasks.executors.process_settings import process_settings, restored_settings

POOLS = ("concurrent.", "multiprocessing.", "asyncio.")
"""Modules whose threads only wait for work of their pools."""
SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGCHLD")
"""The signals whose handlers are restored after each run."""
GRACE_SECONDS = 0.1
"""How long a thread may take to end after its run, in seconds."""


class SharedState:
    """The state of the process at the start of every job."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        """The working folder, which belongs to this process and is empty at the start of every job."""
        self.unclean = False
        """Whether a change cannot be undone, so that the process should not run other jobs."""
        self.note()

    def note(self) -> None:
        """Save the current state as the state for every job."""
        self._environment = variables().copy()
        self._mask = os.umask(0o077)  # there is no other way to read it
        os.umask(self._mask)
        self._settings = process_settings()
        self._threads = set(threading.enumerate())
        self._handlers = {
            number: signal.getsignal(number) for number in map(int, map(signal.Signals.__getitem__, SIGNALS))
        }

    def restored(self) -> list[CodedWarning]:
        """Undo changes of a run, and return their descriptions."""
        changes = []
        if folder() != self._folder:
            os.makedirs(self._folder, exist_ok=True)
            os.chdir(self._folder)
            changes.append(folder_changed())
        _emptied(self._folder)
        if variables() != self._environment:
            changes.append(environment_changed(self._restore_environment()))
        if os.umask(self._mask) != self._mask:
            message = "The run changed the umask, which decides which users may read new files."
            changes.append(CodedWarning(code="changed_umask", message=message))
        if signals := self._restored_handlers():
            message = f"The run changed the handlers of signals: {', '.join(signals)}."
            changes.append(CodedWarning(code="changed_signals", message=message))
        changed, back = restored_settings(self._settings)
        if changed:
            self.unclean |= not back
            message = f"The run changed {', '.join(changed)} for its whole process."
            changes.append(CodedWarning(code="changed_process", message=message))
        if left := self._left_threads():
            self.unclean = True
            names = ", ".join(f"'{thread.name}'" for thread in left)
            changes.append(CodedWarning(code="left_threads", message=f"The run left threads behind: {names}."))
        return changes

    def _restored_handlers(self) -> list[str]:
        """Restore the handlers of signals, and stop the alarm; return the names of those that had changed."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        changed = [number for number, handler in self._handlers.items() if signal.getsignal(number) is not handler]
        for number in changed:
            signal.signal(number, self._handlers[number])
        return [signal.Signals(number).name for number in changed]

    def _restore_environment(self) -> list[str]:
        """Restore the environment; return the names of variables that were added, changed or removed."""
        before = self._environment
        return restored_variables({name: before.get(name) for name in {*variables(), *before}})

    def _left_threads(self) -> list[threading.Thread]:
        """New threads of the run that still run its code."""
        threads = threading.enumerate()
        if len(threads) <= len(self._threads) and self._threads.issuperset(threads):
            return []
        new = [thread for thread in threads if thread not in self._threads and _is_of_a_run(thread)]
        self._threads.update(threads)
        until = time.monotonic() + GRACE_SECONDS
        for thread in new:
            thread.join(max(0.0, until - time.monotonic()))
        return [thread for thread in new if thread.is_alive()]


def folder_changed() -> CodedWarning:
    return CodedWarning(code="changed_folder", message="The run changed the working folder.")


def environment_changed(names: Iterable[str]) -> CodedWarning:
    message = f"The run changed environment variables: {', '.join(names)}."
    return CodedWarning(code="changed_environment", message=message)


def restored_variables(before: Mapping[bytes, bytes | None]) -> list[str]:
    """Give variables their earlier values, or remove them; return the names of those that had changed."""
    changed = sorted(name for name, value in before.items() if variables().get(name) != value)
    for name in changed:
        if (value := before[name]) is not None:
            os.environb[name] = value
        else:
            os.environb.pop(name, None)
    return [os.fsdecode(name) for name in changed]


def folder() -> str:
    """The working folder."""
    with contextlib.suppress(FileNotFoundError):  # it was removed
        return os.getcwd()
    return "/"


def variables() -> dict[bytes, bytes]:
    """The environment as Python stores it: comparing that takes a microsecond instead of fifty."""
    variables: dict[bytes, bytes] = vars(os.environ)["_data"]
    return variables


def _is_of_a_run(thread: threading.Thread) -> bool:
    """Whether a thread runs a given function; threads of libraries usually have their own classes."""
    work: Any = getattr(thread, "_target", None) or getattr(thread, "function", None)
    module = str(getattr(getattr(work, "func", work), "__module__", ""))
    return type(thread) in (threading.Thread, threading.Timer) and not module.startswith(POOLS)


def _emptied(folder: str) -> None:
    """Remove what a run left in the working folder, so that no later job finds it."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)
