"""Patience with what another thread or another process does soon."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 60.0
"""How long tests wait for what comes at once when nothing else runs: some run on slow and busy machines."""
LOOK_SECONDS = 0.005


def until(condition: Callable[[], T | None], seconds: float = PATIENCE_SECONDS) -> T:
    """Wait until a condition is true, at most so many seconds, and return its value: `until(path.exists)`.

    Wait for what the test asserts, not for something that happens a moment earlier. Raises `AssertionError`.
    """
    __tracebackhide__ = True
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"It did not happen within {seconds:g} s: the condition is {value!r}.")
        time.sleep(LOOK_SECONDS)
    return value
