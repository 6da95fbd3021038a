"""The base of all contracts: each test is a rule with a time limit, and a failure quotes the rule."""

from __future__ import annotations

import contextvars
import inspect
import os
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import wraps
from typing import Any, ClassVar

import pytest

NAME = r"[a-z][a-z0-9_-]*"
"""The name of a backend, a router, a price book, an executor."""
CLOSING_SECONDS = 10.0
"""How long a studio may take to close after a test, in seconds; one with a hanging run is abandoned."""


class Contract:
    """Rules for a plugin, one in each test; the test's docstring is the rule."""

    limit_seconds: ClassVar[float] = 60.0
    """How long one test may take. Raise it in your subclass for work that takes longer."""


def is_rule(name: str, tests: object) -> bool:
    """Whether that test of a class is one of a contract's, not the author's own."""
    if not (isinstance(tests, type) and issubclass(tests, Contract)):
        return False
    owner = next(base for base in tests.__mro__ if name in vars(base))
    return owner.__module__.startswith(f"{__package__}.")


def held(test: Callable[..., Any], contract: type[Contract]) -> Callable[..., Any]:
    """The test of a contract, which fails when its time is up, and whose failures quote the rule."""

    @wraps(test)
    def checked(*args: Any, **given: Any) -> None:
        __tracebackhide__ = True
        try:
            in_time(lambda: test(*args, **given), contract.limit_seconds, "The test")
        except BaseException as error:
            if not isinstance(error, pytest.skip.Exception):
                error.add_note(f"The rule of the {_name(contract)}: {rule(test)}")
            raise

    return checked


def rule(test: Callable[..., Any]) -> str:
    """What a test demands: the first paragraph of its docstring, on one line."""
    return " ".join(inspect.cleandoc(test.__doc__ or "").partition("\n\n")[0].split())


def _name(tests: type[Contract]) -> str:
    """The contract that a class of tests is made from."""
    return next(base.__name__ for base in tests.__mro__ if base.__module__.startswith(f"{__package__}."))


def in_time(run: Callable[[], None], seconds: float, what: str) -> None:
    """Run on a separate thread, so that a plugin that never returns can be abandoned. Raises the errors of `run`.

    What is abandoned may have changed the current folder and that of temporary files, so they are set back.
    """
    __tracebackhide__ = True
    here, temporary = os.getcwd(), tempfile.tempdir
    ended: Future[None] = Future()
    within = contextvars.copy_context()
    thread = threading.Thread(target=within.run, args=(_settle, ended, run), name="contract", daemon=True)
    thread.start()
    if not wait([ended], seconds).done:
        os.chdir(here)
        tempfile.tempdir = temporary
        raise AssertionError(f"{what} did not end within {seconds:g} s: {_hang(thread)}")
    ended.result()


def _settle(ended: Future[None], run: Callable[[], None]) -> None:
    try:
        run()
    except BaseException as error:
        ended.set_exception(error)
    else:
        ended.set_result(None)


def _hang(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)
    where = "".join(traceback.format_stack(frame)[-6:]) if frame else ""
    return (
        "the plugin hangs, or its work takes longer than 'limit_seconds' of the test's class allows. "
        f"It is here:\n{where}"
    )
