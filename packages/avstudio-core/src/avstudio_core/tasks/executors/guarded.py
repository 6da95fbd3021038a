"""A plugin's executor as the engine calls it: what it raises names the plugin, and what hangs is left behind."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import ClassVar

from avstudio_core.errors import PluginError
from avstudio_core.kinds.executor import Executor, ExecutorHost
from avstudio_core.orders import Order, Report
from avstudio_core.plugins import Plugins

MOST_FAILURES = 3
"""An executor that failed itself so often in a row fails the tasks that it is given."""
CLOSING_SECONDS = 30.0
"""How long an executor may take to stop what runs."""


class GuardedExecutor(Executor):
    """Calls an executor. Raises `PluginError` when it cannot be made, has no answer, or takes no order."""

    name: ClassVar[str] = "guarded"

    def __init__(self, plugins: Plugins, name: str, host: ExecutorHost, report: Callable[[Report], None]) -> None:
        super().__init__(host, report)
        kind: type[Executor] = plugins.find("executors", name)
        self._guard = plugins.guard(kind)
        self._executor: Executor = plugins.make(kind, host, report)
        self.apart = kind.apart  # type: ignore[misc]
        self._what = f"of executor '{name}'"
        self._failures = 0
        """How often in a row it failed itself."""

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
            self.report(Report(job_id=order.job_id, kind="failed", code=error.code, message=str(error)))

    def cancel(self, job_id: str) -> None:
        with contextlib.suppress(PluginError):  # it is reported
            self._guard.call(f"'cancel' {self._what}", self._executor.cancel, job_id)

    def close(self) -> None:
        with contextlib.suppress(PluginError):
            self._guard.call(f"'close' {self._what}", self._executor.close, seconds=CLOSING_SECONDS)

    def _count(self, error: PluginError) -> None:
        """Raise the error, and the engine tries again a moment later, but not for ever: then tasks fail with it."""
        self._failures += 1
        if self._failures < MOST_FAILURES:
            raise error
