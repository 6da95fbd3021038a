"""A cache in this process."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from pydantic import JsonValue

from avstudio_core.cache.values import checked_key, checked_seconds, read, total, written

MOST_VALUES = 10_000
MOST_CHARACTERS = 64 << 20
"""The most values, and characters of JSON; the oldest are removed first."""


class MemoryCache:
    """A cache for the threads of one process."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, most: int = MOST_VALUES, size: int = MOST_CHARACTERS
    ) -> None:
        self._clock = clock
        self._most = most
        self._size = size
        self._held: OrderedDict[str, tuple[str, float]] = OrderedDict()
        """The JSON of each value, and when it expires."""
        self._characters = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> JsonValue:
        checked_key(key)
        with self._lock:
            return self._value(key)

    def set(self, key: str, value: JsonValue, *, seconds: float | None = None) -> None:
        text, until = written(value), self._until(seconds)
        with self._lock:
            self._put(checked_key(key), text, until)

    def add(self, key: str, value: JsonValue, *, seconds: float | None = None) -> bool:
        text, until = written(value), self._until(seconds)
        with self._lock:
            if self._value(checked_key(key)) is not None:
                return False
            self._put(key, text, until)
            return True

    def increment(self, key: str, by: int = 1, *, seconds: float | None = None) -> int:
        until = self._until(seconds)
        with self._lock:
            value = self._value(checked_key(key))
            summed = total(key, value, by)
            self._put(key, str(summed), until if value is None else self._held[key][1])
            return summed

    def delete(self, key: str) -> bool:
        checked_key(key)
        with self._lock:
            there = self._value(key) is not None
            self._drop(key)
            return there

    def count(self, beginning: str) -> int:
        with self._lock:
            return len(self._keys(beginning))

    def clear(self, beginning: str) -> int:
        with self._lock:
            keys = self._keys(beginning)
            for key in keys:
                self._drop(key)
            return len(keys)

    def close(self) -> None:
        pass

    def _keys(self, beginning: str) -> list[str]:
        checked_key(beginning)
        return [key for key in self._held if key.startswith(beginning)]

    def _until(self, seconds: float | None) -> float:
        seconds = checked_seconds(seconds)
        return math.inf if seconds is None else self._clock() + seconds

    def _value(self, key: str) -> JsonValue:
        text, until = self._held.get(key, ("null", 0.0))
        return read(text) if until > self._clock() else None

    def _put(self, key: str, text: str, until: float) -> None:
        self._drop(key)
        self._held[key] = text, until
        self._characters += len(key) + len(text)
        while len(self._held) > self._most or self._characters > self._size:
            self._drop(next(iter(self._held)))

    def _drop(self, key: str) -> None:
        text, _ = self._held.pop(key, ("", 0.0))
        self._characters -= len(key) + len(text) if text else 0
