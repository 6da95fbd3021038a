"""Detects that the machine slept: a studio without heartbeats during the sleep is not dead."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clocks:
    """Compares the wall clock with the clock that stops during sleep."""

    def __init__(
        self, lease_seconds: float, wall: Callable[[], float] = time.time, awake: Callable[[], float] = time.monotonic
    ) -> None:
        self._lease = lease_seconds
        self._wall = wall
        self._awake = awake
        self._apart = wall() - awake()
        self._until = 0.0

    def tell(self) -> bool:
        """Whether an expired lease shows that its holder is dead.

        It does not in the first lease period after a sleep or after the clock was set: the holder must renew it first.
        """
        apart = self._wall() - self._awake()
        if abs(apart - self._apart) > self._lease / 4:
            self._until = self._awake() + self._lease
        self._apart = apart
        return self._awake() >= self._until
