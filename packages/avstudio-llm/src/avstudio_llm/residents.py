"""Models in this machine's memory: loaded once for many calls, and freed when the pool needs the memory."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from functools import partial

from avstudio_core import BackendHost, Needs
from avstudio_core.errors import BackendDown, TaskCancelled

Gone = Callable[[], bool]
"""Whether the caller has stopped waiting."""

POLL_SECONDS = 0.05


class Resident(ABC):
    """One local model, which many calls can use at the same time, from any event loop.

    The first call loads it, within the pool's budget. It is freed when the pool needs memory or after `idle_seconds`
    without a call, but never while a call uses it.
    """

    def __init__(self, host: BackendHost, lane: str) -> None:
        self.host = host
        self.lane = lane
        self._loading = threading.Lock()
        self._state = threading.Lock()
        self._users = 0
        self._loaded = False
        self._closed = False
        self._used_at = 0.0
        self._timer: threading.Timer | None = None

    @abstractmethod
    def load(self, gone: Gone) -> None:
        """Load the model into memory. Raises `TaskCancelled` when the caller has stopped waiting."""

    @abstractmethod
    def free(self) -> bool:
        """Free the model's memory; return whether it is free."""

    def alive(self) -> bool:
        """Whether a model that was loaded is still in memory."""
        return True

    def worth_keeping(self) -> bool:
        """Whether an unused model should stay in memory for the next call."""
        return self.alive()

    @asynccontextmanager
    async def used(self, needs: Needs) -> AsyncIterator[None]:
        """Hold the model for one call, and load it if necessary. Raises `NotEnoughMemory`, and what `load` raises."""
        if not self._hold():
            await _on_a_thread(partial(self._load_and_hold, needs), self._let_go)
        try:
            yield
        finally:
            self._let_go()

    def evict(self) -> bool:
        """Free the model, unless a call uses it."""
        if not self._loading.acquire(blocking=False):
            return False
        try:
            return self._unload()
        finally:
            self._loading.release()

    def close(self) -> None:
        """Free the model even if a call uses it. Blocks until it is free."""
        self._closed = True
        with self._loading:
            with self._state:
                if self._timer is not None:
                    self._timer.cancel()
            self._forget()

    def _hold(self) -> bool:
        with self._state:
            if not self._loaded or not self.alive():
                return False
            self._users += 1
            return True

    def _let_go(self) -> None:
        with self._state:
            self._users -= 1
            self._used_at = time.monotonic()
            idle = not self._users and self._loaded
        self.host.pool.touch(self.lane)
        if idle and not self.worth_keeping():
            threading.Thread(target=self.evict, daemon=True).start()
        elif idle:
            self._watch_idleness()

    def _load_and_hold(self, needs: Needs, gone: Gone) -> None:
        def given_up() -> bool:
            return gone() or self._closed

        while not self._loading.acquire(timeout=POLL_SECONDS):
            if given_up():
                raise TaskCancelled(f"Loading '{self.lane}' was cancelled.")
        try:
            if self._hold():  # another call has meanwhile loaded it
                return
            self._forget()  # a model whose process has ended
            self.host.pool.admit(self.lane, needs, self.evict, given_up)
            try:
                self.load(given_up)
            except BaseException:
                self.host.pool.release(self.lane)
                raise
            with self._state:
                self._loaded, self._users = True, self._users + 1
        except TaskCancelled:
            if gone():
                raise
            raise BackendDown(f"'{self.lane}' is not loaded, because the studio is closing.") from None
        finally:
            self._loading.release()

    def _forget(self) -> None:
        if self._loaded:
            self._loaded = False
            self.free()
            self.host.pool.release(self.lane)

    def _unload(self) -> bool:
        with self._state:
            if self._users or not self._loaded:
                return False
            self._loaded = False
        if not self.free():
            self._loaded = True
            return False
        self.host.pool.release(self.lane)
        return True

    def _watch_idleness(self) -> None:
        with self._state:
            if not self._closed and self._timer is None:
                self._start_timer(self.host.settings.idle_seconds)

    def _start_timer(self, seconds: float) -> None:
        self._timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self._leave_if_idle)
        self._timer.daemon = True
        self._timer.start()

    def _leave_if_idle(self) -> None:
        with self._state:
            self._timer = None  # a call that ends from now on starts another
            left = self._used_at + self.host.settings.idle_seconds - time.monotonic()
            if left > 0 and self._loaded and not self._users and not self._closed:
                self._start_timer(left)
        if left <= 0:
            self.evict()


async def _on_a_thread(work: Callable[[Gone], None], undo: Callable[[], None]) -> None:
    """Run blocking work on a new thread: such waits could fill a shared thread pool.

    When the caller is cancelled, `work` is notified, and `undo` is called if it still succeeds.
    """
    loop, woken, gone = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    ended: Future[None] = Future()
    ended.add_done_callback(lambda _: _call_soon(loop, woken.set))
    threading.Thread(target=_settle, args=(ended, partial(work, gone.is_set)), daemon=True).start()
    try:
        await woken.wait()
    except asyncio.CancelledError:
        gone.set()
        ended.add_done_callback(lambda done: None if done.exception() else undo())
        raise
    ended.result()


def _settle(future: Future[None], work: Callable[[], None]) -> None:
    try:
        work()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(None)


def _call_soon(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed, so the caller has gone
        loop.call_soon_threadsafe(callback)
