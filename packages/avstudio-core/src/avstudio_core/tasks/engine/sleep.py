"""Notice that the machine slept: a studio that was silent meanwhile is not therefore dead."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clocks:
    """The wall clock beside the one that stands still while the machine sleeps."""

    def __init__(
        self, lease_seconds: float, wall: Callable[[], float] = time.time, awake: Callable[[], float] = time.monotonic
    ) -> None:
        self._lease = lease_seconds
        self._wall = wall
        self._awake = awake
        self._apart = wall() - awake()
        self._until = 0.0

    def tell(self) -> bool:
        """Whether a lease that ran out shows that its holder is dead.

        It does not for one lease length after a sleep or after the clock was set: the holder must renew it first.
        """
        apart = self._wall() - self._awake()
        if abs(apart - self._apart) > self._lease / 4:
            self._until = self._awake() + self._lease
        self._apart = apart
        return self._awake() >= self._until
