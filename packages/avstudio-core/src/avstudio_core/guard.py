"""Calls into plugins: whatever foreign code does, the caller gets an error that names the plugin, and in time.

Code of third parties runs on helper threads: there, a call that does not return is left behind, and `os._exit`, which
would end this process, raises. Our own plugins are called directly.
"""

from __future__ import annotations

import inspect
import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, NoReturn, TypeVar

from avstudio_core.errors import AVStudioError, PluginError

LOG = logging.getLogger(__name__)
QUICK_SECONDS = 5.0
"""How long a call may take that the caller must not wait for: what stands against a backend, a price, a need."""

T = TypeVar("T")
Report = Callable[[str, str], object]
"""Takes what was called, and what went wrong."""


class Guard:
    """Calls what one plugin brought. Trouble is logged once, and reported; without `report`, the caller says it."""

    def __init__(self, plugin: str, distribution: str, report: Report | None, *, trusted: bool = False) -> None:
        self.plugin = plugin
        self.trusted = trusted
        self._distribution = distribution
        self._report = report
        self._logged: set[tuple[str, str]] = set()
        self._hanging: dict[str, PluginError] = {}

    def call(self, what: str, function: Callable[..., T], *arguments: Any, seconds: float | None = None) -> T:
        """What the plugin's function returns. Raises `PluginError`, and the `AVStudioError`s that it raises itself.

        What does not return within `seconds` is not called again.
        """
        if what in self._hanging:
            raise self._hanging[what]
        try:
            return function(*arguments) if self.trusted else in_time(function, arguments, seconds or QUICK_SECONDS)
        except AVStudioError:
            raise
        except Hanging:
            self._hanging[what] = self.refusal(what, f"did not return within {seconds or QUICK_SECONDS:g} s")
            raise self._hanging[what] from None
        except KeyboardInterrupt:  # the user's: one of the plugin's own comes from no helper
            raise
        except BaseException as error:
            raise self.failure(what, error) from error

    def expect(self, what: str, value: object, kind: type[T]) -> T:
        """The value, if it is of that kind. Raises `PluginError`."""
        if isinstance(value, kind):
            return value
        raise self.refusal(what, f"gave '{shown(value)}', which is not a {kind.__name__}")

    def failure(self, what: str, error: BaseException) -> PluginError:
        """The error for an exception of the plugin's own."""
        LOG.debug("%s of plugin '%s'", what, self.plugin, exc_info=error)
        return self.refusal(what, f"raised {one_line(error)}")

    def refusal(self, what: str, reason: str) -> PluginError:
        """The error for what a plugin does wrong: logged once, and reported."""
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
"""For what no plugin brought."""


class Hanging(Exception):
    """A call that has not returned in time; it may still go on."""


def in_time(function: Callable[..., T], arguments: tuple[Any, ...], seconds: float) -> T:
    """What a function returns, called on a helper thread. Raises what it raises, or `Hanging`."""
    helper = _idle() or _Helper()
    called: Future[T] = Future()
    helper.calls.put((called, function, arguments))
    try:
        return called.result(seconds)
    except TimeoutError:
        if called.done():  # the function's own
            raise
        raise Hanging from None


def finished(outcome: Any) -> Any:
    """The outcome of a function that may be `async`, awaited."""
    if not inspect.isawaitable(outcome):
        return outcome
    import asyncio  # takes long to import, and few hooks are `async`

    return asyncio.run(_awaited(outcome))


def one_line(error: BaseException) -> str:
    """An exception in one line; one that cannot say what it is by its type."""
    try:
        return " ".join(f"{type(error).__name__}: {error}".split())
    except BaseException:  # a `__str__` that raises
        return type(error).__name__


def shown(value: object) -> str:
    """A foreign value, shortened; one that cannot be shown by its type."""
    try:
        return f"{value!r:.60}"
    except BaseException:
        return type(value).__name__


@contextmanager
def exit_forbidden() -> Iterator[None]:
    """Leave this thread to a plugin: meanwhile, `os._exit` raises on it."""
    os._exit = _exit
    _HELPING.add(threading.get_ident())
    try:
        yield
    finally:
        _HELPING.discard(threading.get_ident())


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
                    own = isinstance(error, KeyboardInterrupt)  # nobody has pressed Ctrl-C
                    called.set_exception(SystemExit("KeyboardInterrupt") if own else error)
                else:
                    self._rest()
                    called.set_result(outcome)
                del called, function, arguments

    def _rest(self) -> None:
        with _GUARD:
            _IDLE.append(self)


def _idle() -> _Helper | None:
    with _GUARD:
        return _IDLE.pop() if _IDLE else None


async def _awaited(outcome: Any) -> Any:
    return await outcome


def _exit(status: int) -> NoReturn:
    """`os._exit`, which on a helper thread raises."""
    if threading.get_ident() in _HELPING:
        raise SystemExit(f"os._exit({status})")
    _EXIT(status)


def _forget() -> None:
    """A forked child has no helpers."""
    global _GUARD
    _GUARD = threading.Lock()
    _IDLE.clear()
    _HELPING.clear()


_EXIT = os._exit
_GUARD = threading.Lock()
_IDLE: list[_Helper] = []
_HELPING: set[int] = set()
os.register_at_fork(after_in_child=_forget)
