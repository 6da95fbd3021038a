"""What a cache takes: keys, JSON values, times, counters."""

from __future__ import annotations

import json
import math

from pydantic import JsonValue

from avstudio_core.errors import InvalidInput
from avstudio_core.names import is_text
from avstudio_core.quotes import quoted

LONGEST_KEY = 1000
"""The most characters of a key."""


def checked_key(key: str) -> str:
    """A key unchanged. Raises `InvalidInput`."""
    if is_text(key) and 0 < len(key) <= LONGEST_KEY:
        return key
    raise InvalidInput(f"{quoted(key)} is not a valid key of a cache.", hint=f"Give 1 to {LONGEST_KEY} characters.")


def checked_seconds(seconds: float | None) -> float | None:
    """A duration unchanged. Raises `InvalidInput`."""
    if seconds is None or (isinstance(seconds, int | float) and 0 < seconds < math.inf):
        return seconds
    raise InvalidInput(f"{quoted(seconds)} is not a valid time in a cache.", hint="Give seconds above 0.")


def written(value: JsonValue) -> str:
    """A value as JSON. Raises `InvalidInput` for one that would not come back equal."""
    try:
        text = json.dumps(value, allow_nan=False)
        if value is not None and json.loads(text) == value:
            return text
    except (TypeError, ValueError, RecursionError):
        pass
    raise InvalidInput(f"{quoted(type(value).__name__)} cannot be stored in a cache.", hint="Give a JSON value.")


def read(text: str) -> JsonValue:
    """A stored value; `None` for damaged text."""
    try:
        found: JsonValue = json.loads(text)
    except ValueError:
        return None
    return found


def total(key: str, value: JsonValue, by: int) -> int:
    """The sum of a counter. Raises `InvalidInput` if the value is not a whole number."""
    if not isinstance(by, int):
        raise InvalidInput(f"{quoted(by)} is not a whole number.", hint="Increment by a whole number.")
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return (value or 0) + by
    raise InvalidInput(f"The value of {quoted(key)} is not a whole number.", hint="Use another key.")
