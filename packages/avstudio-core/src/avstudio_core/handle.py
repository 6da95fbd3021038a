"""Handles of submitted tasks and plans."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import Any

from avstudio_core.errors import AVStudioError, InvalidInput, InvalidTransition, TaskError
from avstudio_core.quotes import quoted
from avstudio_core.results import Result
from avstudio_core.settings import MOST
from avstudio_core.tasks.queue.owned_tasks import OwnedTasks
from avstudio_core.tasks.queue.task_events import TaskEvents
from avstudio_core.tasks.states import ENDED
from avstudio_core.tasks.task import Task
from avstudio_core.twin import twin


class Handle:
    """One submitted task: `result()`, `await`, `events()`, `cancel()`."""

    def __init__(self, queue: OwnedTasks, task_id: str, read: Callable[[Task], Result]) -> None:
        self.task_id = task_id
        self._queue = queue
        self._read = read

    def __repr__(self) -> str:
        return f"Handle({self.task_id!r})"

    def task(self) -> Task:
        """The task as it is now."""
        return self._queue.get(self.task_id)

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the result, at most `timeout` seconds.

        Raises `TaskFailed`, `TaskBlocked` or `TaskCancelled` if there is no result, `TimeoutError`, and `InvalidInput`
        for an invalid `timeout`.
        """
        seconds = seconds_of(timeout)
        future = self._queue.ended(self.task_id)
        try:
            return self._outcome(future.result(seconds))
        except TimeoutError:
            future.cancel()
        task = self.task()
        if task.state in ENDED:  # it ended in the last moment
            return self._outcome(task)
        raise TimeoutError(f"Task '{self.task_id}' is {task.state} after {timeout or 0:g} s.")

    def __await__(self) -> Generator[Any, None, Any]:
        return self._outcome((yield from asyncio.wrap_future(self._queue.ended(self.task_id)).__await__()))

    def _outcome(self, task: Task) -> Any:
        """A task's result. Raises its error."""
        failure = task.failure()
        if failure is not None:
            raise failure
        return self._read(task)

    def events(self, seq: int = 0) -> TaskEvents:
        """The task's events with a number above `seq`, as they arrive, until it has ended or waits for a person.

        Iterate with `for` or `async for`. Raises `InvalidInput` for a `seq` that is not a whole number from 0.
        """
        return TaskEvents(self._queue, [self.task_id], number(seq))

    def cancel(self) -> None:
        """Cancel the task; this does nothing if it has ended."""
        try:
            self._queue.cancel(self.task_id)
        except InvalidTransition:
            return

    atask = twin(task)
    """`task` without blocking an event loop."""
    acancel = twin(cancel)
    """`cancel` without blocking an event loop."""


class PlanHandle:
    """A submitted plan: a handle for each step by its id, in order."""

    def __init__(self, queue: OwnedTasks, plan_id: str, steps: Mapping[str, Handle]) -> None:
        self.plan_id = plan_id
        self.steps = dict(steps)
        self._queue = queue

    def result(self, timeout: float | None = None) -> dict[str, Any]:
        """Wait for all steps; return their results by step id. Raises the error of the step that failed first."""
        seconds = seconds_of(timeout)
        deadline = None if seconds is None else time.monotonic() + seconds
        outcomes = {}
        for step, handle in self.steps.items():
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            outcomes[step] = _attempted(partial(handle.result, left))
        return _all(outcomes)

    def __await__(self) -> Generator[Any, None, dict[str, Any]]:
        return self._gathered().__await__()

    async def _gathered(self) -> dict[str, Any]:
        found = await asyncio.gather(*self.steps.values(), return_exceptions=True)
        return _all(dict(zip(self.steps, found, strict=True)))

    def events(self, seq: int = 0) -> TaskEvents:
        """The events of all steps with a number above `seq`, until all have ended or wait for a person."""
        return TaskEvents(self._queue, [handle.task_id for handle in self.steps.values()], number(seq))

    def cancel(self) -> None:
        """Cancel every step that has not ended, at once. Raises `NotFound`."""
        self._queue.cancel_plan(self.plan_id)

    acancel = twin(cancel)
    """`cancel` without blocking an event loop."""


def result_or_cancel(submitted: Handle | PlanHandle) -> Any:
    """Wait for the result of a task or a plan; an interrupt cancels it."""
    try:
        return submitted.result()
    except KeyboardInterrupt:
        with contextlib.suppress(AVStudioError):  # the interrupt is what the caller must get
            submitted.cancel()
        raise


def seconds_of(timeout: Any) -> float | None:
    """A time limit in seconds that threads can wait for; a time that is over is 0. Raises `InvalidInput`."""
    if timeout is None:
        return None
    if not isinstance(timeout, int | float) or isinstance(timeout, bool) or timeout != timeout:
        hint = "Give seconds as a number, or 'None' to wait for the end."
        raise InvalidInput(f"{quoted(timeout)} is not a valid timeout.", hint=hint)
    return max(0.0, min(timeout, threading.TIMEOUT_MAX))


def number(seq: Any) -> int:
    """The number of an event. Raises `InvalidInput`."""
    if not isinstance(seq, int) or isinstance(seq, bool) or not 0 <= seq <= MOST:
        raise InvalidInput(f"{quoted(seq)} is not the number of an event.", hint="Give a whole number from 0.")
    return seq


def _attempted(work: Callable[[], Any]) -> Any:
    """The result of an awaitable, or the error of a task."""
    try:
        return work()
    except TaskError as error:
        return error


def _all(outcomes: dict[str, Any]) -> dict[str, Any]:
    """The results of all steps. Raises the first error."""
    for outcome in outcomes.values():
        if isinstance(outcome, BaseException):
            raise outcome
    return outcomes
