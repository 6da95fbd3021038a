"""The executor that runs jobs in the studio's process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import ClassVar

from avstudio_core.context import Context, Warm
from avstudio_core.kinds.executor import ExecutorHost
from avstudio_core.orders import Order, Report
from avstudio_core.tasks.executors.lanes import Lane, LaneExecutor, lost, not_run
from avstudio_core.tasks.executors.run_order import context_for, run_order
from avstudio_core.tasks.executors.thread_changes import ThreadChanges


class InlineExecutor(LaneExecutor):
    """Jobs on threads of this process, for tests and embedding. A crash of a native library ends the process."""

    name: ClassVar[str] = "inline"

    def __init__(self, host: ExecutorHost, report: Callable[[Report], None]) -> None:
        super().__init__(host, report)
        self._warm = Warm()
        self._contexts: dict[str, Context] = {}

    def serve(self, lane: Lane) -> None:
        held = threading.Lock()
        admitted, room_mb = False, 0
        patience = self.host.settings.idle_seconds
        while (order := self.next_order(lane, patience)) is not None:
            try:
                with held:
                    admitted = admitted and self.host.pool.holds(lane.name)
                    if admitted and order.needs.memory_mb > room_mb:  # a longer recording needs more than was admitted
                        self._forget(lane)
                        admitted = False
                    if admitted or self.admit(lane, order, lambda: self._evict(lane, held)):
                        admitted, room_mb = True, max(room_mb if admitted else 0, order.needs.memory_mb)
                        self.report(self._run(order))
            except Exception as error:  # the lane continues
                self.report(not_run(order, error))
            finally:
                self.done(lane, order)
            self.host.pool.touch(lane.name)
        self._forget(lane)

    def stop(self, job_id: str) -> None:
        if context := self._contexts.get(job_id):
            context.cancel()

    def close(self) -> None:
        for context in list(self._contexts.values()):
            context.cancel()
        super().close()

    def _run(self, order: Order) -> Report:
        processor = self.host.processor(order.processor)
        context = context_for(order, self.host, self.report, self._warm)
        self._contexts[order.job_id] = context
        if order.job_id in self.cancelled or self.closed.is_set():
            context.cancel()
        try:
            self.began(order)
            with ThreadChanges() as changes:
                name = self.host.distribution(order.processor)
                final = run_order(order, processor, context, name, changes.undone)
            final = self.judged(order, final)
            asked = order.job_id in self.cancelled
            return final if final.kind != "cancelled" or asked else lost(order.job_id)
        finally:
            del self._contexts[order.job_id]

    def _evict(self, lane: Lane, held: threading.Lock) -> bool:
        """Drop the lane's models, unless they are in use."""
        if not held.acquire(blocking=False):
            return False
        try:
            self._forget(lane)
            return True
        finally:
            held.release()

    def _forget(self, lane: Lane) -> None:
        self._warm.drop(f"{lane.name}:")
        self.host.pool.release(lane.name)
