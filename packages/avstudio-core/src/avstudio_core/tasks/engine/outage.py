"""An outage: for how long a studio has been unable to write down what happens."""

from __future__ import annotations

import time
from collections.abc import Callable

from avstudio_core.errors import AVStudioError


class Outage:
    """Tells trouble that passes, such as a locked database, from trouble that lasts, such as a read-only disk.

    Work is tried again in either case. When trouble has lasted for `patience` seconds, those who wait are given the
    error: nobody can say when the disk comes back.
    """

    def __init__(self, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._began: float | None = None

    def lasting(self, error: BaseException | None) -> AVStudioError | None:
        """Take the error of a round, or `None` for a round that succeeded; give the error of trouble that lasts."""
        if error is None:
            self._began = None
            return None
        if self._began is None:
            self._began = self._clock()
        if self._clock() - self._began < self._patience:
            return None
        return error if isinstance(error, AVStudioError) else AVStudioError(f"The engine failed: {error}")
