"""New runs, and the handle of one."""

from __future__ import annotations

import time
from collections.abc import Collection
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import NamedTuple

from avstudio_core.artifact import new_id
from avstudio_core.errors import InvalidInput, InvalidParams, NotFound
from avstudio_core.handle import seconds_of
from avstudio_core.names import checked
from avstudio_core.quotes import quoted
from avstudio_core.tasks.queue.owned_tasks import OwnedTasks
from avstudio_core.tasks.queue.run_rows import NewRun
from avstudio_core.tasks.run import Run, RunLimits
from avstudio_core.tasks.task import Task, TaskOptions
from avstudio_core.twin import twin


class RunHandle:
    """A run: `status()`, `tasks()`, `wait()`, `cancel()`."""

    def __init__(self, queue: OwnedTasks, run_id: str, *, earlier: bool = False) -> None:
        self.run_id = checked(run_id, "run id")
        self.earlier = earlier
        """Whether the run had begun before, under the same key."""
        self._queue = queue

    def __repr__(self) -> str:
        return f"RunHandle({self.run_id!r})"

    def status(self) -> Run:
        """The run as it is now. Raises `NotFound`."""
        return self._queue.run(self.run_id)

    def tasks(self) -> list[Task]:
        """Its tasks, in the order of their creation; those of plans in results are added later."""
        return self._queue.find(run_id=self.run_id)

    def wait(self, timeout: float | None = None) -> Run:
        """Wait until all its tasks have ended, with or without a result. Raises `TimeoutError`, `InvalidInput`."""
        seconds = seconds_of(timeout)
        deadline = None if seconds is None else time.monotonic() + seconds
        while going := [self._queue.ended(task_id) for task_id in self._queue.unended(self.run_id)]:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if late := _waited(going, left):
                message = f"{late} tasks of the run '{self.run_id}' have not ended after {timeout or 0:g} s."
                raise TimeoutError(message)
        return self.status()

    def cancel(self) -> None:
        """Cancel the whole run in one transaction: none of its tasks starts after it, and running ones stop."""
        self._queue.cancel_run(self.run_id)

    astatus = twin(status)
    """`status` without blocking an event loop."""
    atasks = twin(tasks)
    """`tasks` without blocking an event loop."""
    awaited = twin(wait)
    """`wait` without blocking an event loop."""
    acancel = twin(cancel)
    """`cancel` without blocking an event loop."""


def _waited(going: Collection[Future[Task]], seconds: float | None) -> int:
    """Wait for the ends of tasks, at most so many seconds; return how many have not ended."""
    ended, late = wait(going, seconds)
    for future in late:
        future.cancel()
    for future in ended:
        with suppress(NotFound):  # it ended, and was deleted
            future.result()
    return len(late)


class RunRequest(NamedTuple):
    """The request for which a run begins."""

    digest: str | None = None
    """What is asked: a key is not used twice for different requests."""
    webhook: str | None = None
    """The webhook that is notified of the run's events."""


def checked_request(given: RunRequest | None) -> RunRequest:
    """The request of a run. Raises `InvalidInput`."""
    if given is None:
        return RunRequest()
    if not isinstance(given, RunRequest):
        raise InvalidInput(f"{quoted(given)} is not the request of a run.", hint="Give a RunRequest.")
    for value, what in ((given.digest, "digest of a request"), (given.webhook, "webhook id")):
        if value is not None:
            checked(value, what)
    return given


def new_run(owner: str, options: TaskOptions, key: str | None, limits: RunLimits | None, request: RunRequest) -> NewRun:
    """A run to begin. Raises `InvalidParams` for limits that are not valid."""
    limits = RunLimits() if limits is None else RunLimits.model_validate(limits)
    return NewRun(new_id("run"), owner, options.project, key, limits, *request)


def earlier_run(queue: OwnedTasks, run_id: str, key: str | None, digest: str | None) -> RunHandle:
    """The run that began earlier for the same request. Raises `InvalidParams` if something else was asked then."""
    found = RunHandle(queue, run_id, earlier=True)
    if digest is not None and found.status().request != digest:
        message = f"The key {quoted(key)} was used for another request."
        raise InvalidParams(message, hint="Use a new key for each request.")
    return found
