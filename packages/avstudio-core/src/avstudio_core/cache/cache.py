"""What every cache does."""

from __future__ import annotations

from typing import Protocol

from pydantic import JsonValue


class Cache(Protocol):
    """Remembers JSON values for some time. A value may disappear earlier, so a cache only saves work.

    `seconds` is how long a value stays; without it, until space is needed. Every method raises `InvalidInput` for what
    cannot be stored, and `StorageError`.
    """

    def get(self, key: str) -> JsonValue:
        """The value, or `None`."""
        ...

    def set(self, key: str, value: JsonValue, *, seconds: float | None = None) -> None:
        """Store a value other than `None`."""
        ...

    def add(self, key: str, value: JsonValue, *, seconds: float | None = None) -> bool:
        """Store a value if the key has none; of several callers at once, exactly one gets `True`."""
        ...

    def increment(self, key: str, by: int = 1, *, seconds: float | None = None) -> int:
        """Add to a whole number, and return the sum. `seconds` counts from its first increment, which starts at 0."""
        ...

    def delete(self, key: str) -> bool:
        """Remove a value; return whether there was one."""
        ...

    def count(self, beginning: str) -> int:
        """The number of values whose keys begin with a text."""
        ...

    def clear(self, beginning: str) -> int:
        """Remove all values whose keys begin with a text; return how many there were."""
        ...

    def close(self) -> None:
        """Release files. A closed cache may be used again."""
        ...
