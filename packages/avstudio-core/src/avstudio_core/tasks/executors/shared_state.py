"""What all jobs of one worker process share, and what no job may leave changed: its folder, environment and threads."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import Any

from avstudio_core.results import CodedWarning

POOLS = ("concurrent.", "multiprocessing.", "asyncio.")
"""Threads that run the code of these modules wait for work of their pools, and do nothing by themselves."""
GRACE_SECONDS = 0.1
"""How long a thread may take to end after its run."""


class SharedState:
    """The state in which every job finds its process."""

    def __init__(self) -> None:
        self.unclean = False
        """Whether something was left behind that cannot be undone: the process should serve no other job."""
        self.note()

    def note(self) -> None:
        """Take the present state for the one that every job is to find."""
        self._folder = _folder()
        self._environment = _variables().copy()
        self._threads = set(threading.enumerate())

    def restored(self) -> list[CodedWarning]:
        """Undo what a run changed, and say what that was."""
        changes = []
        if _folder() != self._folder:
            with contextlib.suppress(OSError):  # it was removed, by whomever
                os.chdir(self._folder)
                changes.append(_warning("changed_folder", "The run changed the working folder."))
        if _variables() != self._environment:
            names = ", ".join(self._restore_environment())
            changes.append(_warning("changed_environment", f"The run changed environment variables: {names}."))
        if left := self._left_threads():
            self.unclean = True
            names = ", ".join(f"'{thread.name}'" for thread in left)
            changes.append(_warning("left_threads", f"The run left threads behind: {names}."))
        return changes

    def _restore_environment(self) -> list[str]:
        """Give the names of the variables that were added, changed or removed."""
        now, before = _variables().copy(), self._environment
        changed = sorted(name for name in {*now, *before} if now.get(name) != before.get(name))
        for name in changed:
            if name in before:
                os.environb[name] = before[name]
            else:
                del os.environb[name]
        return [os.fsdecode(name) for name in changed]

    def _left_threads(self) -> list[threading.Thread]:
        """New threads of the run that go on with something of their own."""
        threads = threading.enumerate()
        if len(threads) <= len(self._threads) and self._threads.issuperset(threads):
            return []
        new = [thread for thread in threads if thread not in self._threads and _is_of_a_run(thread)]
        self._threads.update(threads)
        until = time.monotonic() + GRACE_SECONDS
        for thread in new:
            thread.join(max(0.0, until - time.monotonic()))
        return [thread for thread in new if thread.is_alive()]


def _warning(code: str, message: str) -> CodedWarning:
    return CodedWarning(code=code, message=message)


def _folder() -> str:
    with contextlib.suppress(FileNotFoundError):  # it was removed
        return os.getcwd()
    return "/"


def _variables() -> dict[bytes, bytes]:
    """The environment as Python keeps it: to compare that with a copy takes a microsecond, and not fifty."""
    variables: dict[bytes, bytes] = vars(os.environ)["_data"]
    return variables


def _is_of_a_run(thread: threading.Thread) -> bool:
    """Whether a thread runs a function that was given to it; those of libraries have classes of their own."""
    work: Any = getattr(thread, "_target", None) or getattr(thread, "function", None)
    module = str(getattr(getattr(work, "func", work), "__module__", ""))
    return type(thread) in (threading.Thread, threading.Timer) and not module.startswith(POOLS)
