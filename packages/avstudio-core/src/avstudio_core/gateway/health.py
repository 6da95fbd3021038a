"""Which backends answer: a circuit breaker for each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

FAILURES = 3
"""So many in a row open the circuit."""
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 120.0
"""Seconds; each opening in a row doubles the pause."""


@dataclass(slots=True)
class _Circuit:
    failures: int = 0
    openings: int = 0
    retry_at: float = 0.0
    trying: bool = False


class Health:
    """Remembers outages: a backend that failed again and again is left alone for a while, then tried once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._circuits: dict[str, _Circuit] = {}

    def obstacle(self, backend: str) -> str | None:
        """Why the backend is left alone now, or `None`."""
        circuit = self._circuits.get(backend)
        if circuit is None or circuit.failures < FAILURES:
            return None
        left = circuit.retry_at - self._clock()
        if left > 0:
            return f"it failed {circuit.failures} times in a row; tried again in {left:.0f} s"
        return "it is just being tried again" if circuit.trying else None

    def begin(self, backend: str) -> None:
        """A call goes out; after a pause it is the one trial."""
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
        """A call ended without telling anything of the backend: cancelled, or refused by a budget."""
        if circuit := self._circuits.get(backend):
            circuit.trying = False
