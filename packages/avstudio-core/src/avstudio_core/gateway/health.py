"""A circuit breaker for each backend."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

FAILURES = 3
"""How many failures in a row open the circuit."""
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 120.0
"""The first pause in seconds; it doubles each time the circuit opens again."""


@dataclass(slots=True)
class _Circuit:
    failures: int = 0
    openings: int = 0
    retry_at: float = 0.0
    trying: bool = False


class Health:
    """Remembers outages: a backend that keeps failing is not called for a while, and then tried once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._circuits: dict[str, _Circuit] = {}

    def obstacle(self, backend: str) -> str | None:
        """Why the backend is not called now, or `None`."""
        circuit = self._circuits.get(backend)
        if circuit is None or circuit.failures < FAILURES:
            return None
        left = circuit.retry_at - self._clock()
        if left > 0:
            return f"it failed {circuit.failures} times in a row; the next try is in {left:.0f} s"
        return "it is being tried again now" if circuit.trying else None

    def begin(self, backend: str) -> None:
        """Record the start of a call; after a pause, it is the only trial."""
        circuit = self._circuits.get(backend)
        if circuit is not None and circuit.failures >= FAILURES:
            circuit.trying = True

    def answered(self, backend: str) -> None:
        self._circuits.pop(backend, None)

    def failed(self, backend: str) -> None:
        circuit = self._circuits.setdefault(backend, _Circuit())
        circuit.failures += 1
        circuit.trying = False
        if circuit.failures >= FAILURES:
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**circuit.openings)
            circuit.openings += 1
            circuit.retry_at = self._clock() + pause

    def given_up(self, backend: str) -> None:
        """Record a call that shows nothing about the backend: it was cancelled, or refused by a budget."""
        if circuit := self._circuits.get(backend):
            circuit.trying = False
