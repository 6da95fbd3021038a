"""An event loop on a thread, for callers without one."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import nullcontext
from typing import Any, TypeVar

from avstudio_core.errors import StorageError
from avstudio_core.guard import exit_forbidden

T = TypeVar("T")


class LoopThread:
    """Runs coroutines; the thread starts with the first one."""

    def __init__(self, *, foreign: bool = False) -> None:
        self._foreign = foreign
        """Whether the coroutines are from a plugin, which must not end the process."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._guard = threading.Lock()
        self._process = os.getpid()
        self._closed = False

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine; cancelling the future cancels it.

        Raises `StorageError` in a fork, which has no thread, and once the studio is closed.
        """
        if self._process != os.getpid():
            coroutine.close()
            raise StorageError.forked()
        with self._guard:
            if self._closed:
                coroutine.close()
                raise StorageError("The studio is closed.")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._serve, args=(self._loop,), name="gateway", daemon=True)
                self._thread.start()
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        with exit_forbidden() if self._foreign else nullcontext():
            loop.run_forever()
        loop.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine and return its result; an interrupt cancels it."""
        future = self.start(coroutine)
        try:
            return future.result()
        finally:
            future.cancel()

    def leave(self) -> None:
        """Cancel all coroutines, and end the thread when they have ended, without waiting for it."""
        self._close()
        if (loop := self._loop) is not None:
            asyncio.run_coroutine_threadsafe(_cancel_all(), loop).add_done_callback(
                lambda _: loop.call_soon_threadsafe(loop.stop)
            )

    def close(self) -> None:
        """Cancel all coroutines, and wait for the end of the thread."""
        self._close()
        if self._loop is None or self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _close(self) -> None:
        """From now on, no coroutine starts."""
        with self._guard:
            self._closed = True


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
