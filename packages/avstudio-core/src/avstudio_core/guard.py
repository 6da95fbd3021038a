"""Guarded calls into plugins: whatever foreign code does, the call ends in time, with an error that names the plugin.

Third-party code runs on helper threads: a call that does not return is abandoned, and `os._exit`, which would end this
process, raises an exception there. Our own plugins are called directly.
"""

from __future__ import annotations

import inspect
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, NoReturn, TypeVar

from avstudio_core.errors import AVStudioError, PluginError
from avstudio_core.quotes import harmless

LOG = logging.getLogger(__name__)
UNLIMITED = math.inf
"""For a call that may take any time, as serving does; it runs on the caller's thread."""
QUICK_SECONDS = 5.0
"""The time limit in seconds of calls that must be fast, such as a backend's obstacle, a price, or needs."""
LOOK_SECONDS = 0.1
"""How soon to look which call some work is at, in seconds, if it is between two."""

T = TypeVar("T")
Report = Callable[[str, str], object]
"""Called with what was called and what went wrong."""


class Guard:
    """Calls the code of one plugin. Errors are logged once and reported; without `report`, the caller reports them."""

    def __init__(self, plugin: str, distribution: str, report: Report | None, *, trusted: bool = False) -> None:
        self.plugin = plugin
        self.trusted = trusted
        self._distribution = distribution
        self._report = report
        self._logged: set[tuple[str, str]] = set()
        self._hanging: dict[str, PluginError] = {}

    def call(self, what: str, function: Callable[..., T], *arguments: Any, seconds: float | None = None) -> T:
        """The result of a plugin's function. Raises `PluginError`, and `AVStudioError`s of the function itself.

        A function that does not return within `seconds` is not called again.
        """
        if what in self._hanging:
            raise self._hanging[what]
        limit = seconds or QUICK_SECONDS
        watch: _Watch | None = getattr(_HERE, "watch", None)
        try:
            if self.trusted or limit == UNLIMITED:
                return function(*arguments)
            if watch is not None:
                return watch.call(function, arguments, limit, lambda: self._hangs(what, limit))
            return in_time(function, arguments, limit)
        except AVStudioError:
            raise
        except Hanging:
            raise self._hangs(what, limit) from None
        except KeyboardInterrupt:  # from the user; one of the plugin's code would be raised in a helper
            raise
        except BaseException as error:
            raise self.failure(what, error) from error

    def _hangs(self, what: str, seconds: float) -> PluginError:
        self._hanging[what] = self.refusal(what, f"did not return within {seconds:g} s")
        return self._hanging[what]

    def expect(self, what: str, value: object, kind: type[T]) -> T:
        """The value, if it has that type. Raises `PluginError`."""
        if isinstance(value, kind):
            return value
        raise self.refusal(what, f"returned '{shown(value)}', which is not a {kind.__name__}")

    def failure(self, what: str, error: BaseException) -> PluginError:
        """The error for an exception of the plugin."""
        LOG.debug("%s of plugin '%s'", what, self.plugin, exc_info=error)
        return self.refusal(what, f"raised {one_line(error)}")

    def refusal(self, what: str, reason: str) -> PluginError:
        """The error for a fault of a plugin; it is logged once, and reported."""
        origin = f" ({self._distribution})" if self._distribution else ""
        error = PluginError(
            f"{what} of plugin '{self.plugin}'{origin} {reason}.", hint="Update the plugin, or remove it."
        )
        if self._report is not None and (what, reason) not in self._logged:
            self._logged.add((what, reason))
            LOG.warning("%s", error.message)
            self._report(what, reason)
        return error


OURS = Guard("core", "avstudio-core", None, trusted=True)
"""For code that is not from a plugin."""


class Hanging(Exception):
    """A call did not return in time; it may still be running."""


def in_time(function: Callable[..., T], arguments: tuple[Any, ...], seconds: float) -> T:
    """The result of a function, called on a helper thread. Raises its errors, or `Hanging`."""
    called = _handed_over(function, arguments)
    try:
        return called.result(seconds)
    except TimeoutError:
        if called.done():  # the function itself raised it, or returned in the last moment
            return called.result()
        raise Hanging from None


def together(work: Callable[[], T]) -> T:
    """The result of work with many guarded calls, all made on one helper thread. Raises its errors.

    Each call has its own time limit; if one does not return, the work is abandoned with it.
    """
    watch = _Watch()
    called: Future[T] = _handed_over(watch.run, (work,))
    while not wait([called], watch.seconds).done:
        if (error := watch.late()) is not None:
            raise error
    return called.result()


def finished(outcome: Any) -> Any:
    """The result of a function that may be `async`. Raises `TypeError` for one with `yield`: none of it has run."""
    if inspect.isgenerator(outcome) or inspect.isasyncgen(outcome):
        raise TypeError("a function with 'yield' cannot be a hook")
    if not inspect.isawaitable(outcome):
        return outcome
    import asyncio  # slow to import, and few hooks are `async`

    return asyncio.run(_awaited(outcome))


def one_line(error: BaseException) -> str:
    """An exception in one line; only its type if its message cannot be read."""
    try:
        return harmless(" ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":"))
    except BaseException:  # a `__str__` that raises
        return type(error).__name__


def shown(value: object) -> str:
    """A foreign value, shortened; only its type if it cannot be shown."""
    try:
        return f"{value!r:.60}"
    except BaseException:
        return type(value).__name__


@contextmanager
def exit_forbidden() -> Iterator[None]:
    """While a plugin runs on this thread, make `os._exit` raise an exception on it."""
    os._exit = _exit
    _HELPING.add(threading.get_ident())
    try:
        yield
    finally:
        _HELPING.discard(threading.get_ident())


def is_in_plugin() -> bool:
    """Whether this thread runs third-party code, for streams that such code must not write to."""
    return threading.get_ident() in _HELPING


class _Watch:
    """Which guarded call some work is at, and until when it may take."""

    def __init__(self) -> None:
        self._current: tuple[float, Callable[[], PluginError]] | None = None

    def run(self, work: Callable[[], T]) -> T:
        _HERE.watch = self
        try:
            return work()
        finally:
            _HERE.watch = None

    def call(
        self, function: Callable[..., T], arguments: tuple[Any, ...], seconds: float, late: Callable[[], PluginError]
    ) -> T:
        before, self._current = self._current, (time.monotonic() + seconds, late)
        try:
            return function(*arguments)
        except KeyboardInterrupt:  # it is not from Ctrl-C
            raise SystemExit("KeyboardInterrupt") from None
        finally:
            self._current = before

    @property
    def seconds(self) -> float:
        """The time until the limit of the current call."""
        current = self._current
        return LOOK_SECONDS if current is None else max(0.0, current[0] - time.monotonic())

    def late(self) -> PluginError | None:
        """The error of the current call, if it is beyond its limit."""
        current = self._current
        return current[1]() if current is not None and current[0] <= time.monotonic() else None


class _Helper:
    """A thread for one call at a time."""

    def __init__(self) -> None:
        self.calls: SimpleQueue[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = SimpleQueue()
        threading.Thread(target=self._serve, name="plugin call", daemon=True).start()

    def _serve(self) -> None:
        with exit_forbidden():
            while True:
                called, function, arguments = self.calls.get()
                try:
                    outcome = function(*arguments)
                except BaseException as error:
                    self._rest()
                    own = isinstance(error, KeyboardInterrupt)  # it is not from Ctrl-C
                    called.set_exception(SystemExit("KeyboardInterrupt") if own else error)
                else:
                    self._rest()
                    called.set_result(outcome)
                del called, function, arguments

    def _rest(self) -> None:
        with _GUARD:
            _IDLE.append(self)


def _handed_over(function: Callable[..., T], arguments: tuple[Any, ...]) -> Future[T]:
    helper = _idle() or _Helper()
    called: Future[T] = Future()
    helper.calls.put((called, function, arguments))
    return called


def _idle() -> _Helper | None:
    with _GUARD:
        return _IDLE.pop() if _IDLE else None


async def _awaited(outcome: Any) -> Any:
    return await outcome


def _exit(status: int) -> NoReturn:
    """Replaces `os._exit`; on a helper thread it raises an exception."""
    if is_in_plugin():
        raise SystemExit(f"os._exit({status})")
    _EXIT(status)


def _forget() -> None:
    """Forget the helpers, which do not exist in a forked child."""
    global _GUARD
    _GUARD = threading.Lock()
    _IDLE.clear()
    _HELPING.clear()


_EXIT = os._exit
_GUARD = threading.Lock()
_IDLE: list[_Helper] = []
_HELPING: set[int] = set()
_HERE = threading.local()
os.register_at_fork(after_in_child=_forget)
