"""Work that a caller on an event loop submits and waits for."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any

from avstudio_core.handle import Handle, PlanHandle


class AwaitedWork:
    """A task or a plan that is cancelled if its caller is, also while another thread still submits it."""

    def __init__(self, submit: Callable[[], Handle | PlanHandle]) -> None:
        self._submit = submit
        self._submitted: Handle | PlanHandle | None = None
        self._left = False
        self._guard = threading.Lock()

    async def result(self) -> Any:
        """Submit it on another thread, and wait for the result."""
        try:
            return await (await asyncio.to_thread(self._begin))
        except asyncio.CancelledError:
            # Not a task of the event loop: a second cancellation, or the end of the loop, would stop that.
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, self._leave))
            raise

    def _begin(self) -> Handle | PlanHandle:
        submitted = self._submit()
        with self._guard:
            self._submitted, left = submitted, self._left
        if left:
            _cancel(submitted)
        return submitted

    def _leave(self) -> None:
        with self._guard:
            self._left, submitted = True, self._submitted
        if submitted is not None:
            _cancel(submitted)


def _cancel(submitted: Handle | PlanHandle) -> None:
    with contextlib.suppress(Exception):  # it has been deleted, or the studio is closed
        submitted.cancel()
