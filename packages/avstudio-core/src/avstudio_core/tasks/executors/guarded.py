"""Guarded calls to executors: an exception becomes an error with the plugin's name, and a hanging call is abandoned."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import ClassVar

from avstudio_core.errors import PluginError
from avstudio_core.kinds.executor import Executor, ExecutorHost
from avstudio_core.orders import Order, Report
from avstudio_core.plugins import Plugins

MOST_FAILURES = 3
"""After this many consecutive failures of an executor, its tasks fail."""
CLOSING_SECONDS = 30.0
"""How long an executor may take to stop its runs, in seconds."""


class GuardedExecutor(Executor):
    """Calls an executor. Raises `PluginError` if it cannot be created, does not answer, or refuses an order."""

    name: ClassVar[str] = "guarded"

    def __init__(self, plugins: Plugins, name: str, host: ExecutorHost, report: Callable[[Report], None]) -> None:
        super().__init__(host, report)
        kind: type[Executor] = plugins.find("executors", name)
        self._guard = plugins.guard(kind)
        self._executor: Executor = plugins.make(kind, host, report)
        self.apart, self.may_wait = kind.apart, kind.may_wait  # type: ignore[misc]
        self._what = f"of executor '{name}'"
        self._failures = 0
        """How often in a row it has failed."""

    def room(self, lane: str) -> int:
        what = f"'room' {self._what}"
        try:
            return self._guard.expect(what, self._guard.call(what, self._executor.room, lane), int)
        except PluginError as error:
            self._count(error)
            return 1

    def start(self, order: Order) -> None:
        try:
            self._guard.call(f"'start' {self._what}", self._executor.start, order)
            self._failures = 0
        except PluginError as error:
            self._count(error)
            failed = Report(job_id=order.job_id, kind="failed", code=error.code, message=error.message, hint=error.hint)
            self.report(failed)

    def cancel(self, job_id: str) -> None:
        with contextlib.suppress(PluginError):  # already reported
            self._guard.call(f"'cancel' {self._what}", self._executor.cancel, job_id)

    def close(self) -> None:
        with contextlib.suppress(PluginError):
            self._guard.call(f"'close' {self._what}", self._executor.close, seconds=CLOSING_SECONDS)

    def _count(self, error: PluginError) -> None:
        """Raise the error, so that the engine retries; after too many failures, the tasks fail with this error."""
        self._failures += 1
        if self._failures < MOST_FAILURES:
            raise error
