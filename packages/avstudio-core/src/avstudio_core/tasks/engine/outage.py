"""An outage: how long a studio has been unable to write to its database."""

from __future__ import annotations

import time
from collections.abc import Callable

from avstudio_core.errors import AVStudioError


class Outage:
    """Distinguishes temporary errors, such as a locked database, from lasting ones, such as a read-only disk.

    Work is retried in either case. When errors have lasted for `patience` seconds, waiting callers get the error,
    because the outage may never end.
    """

    def __init__(self, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._began: float | None = None

    def lasting(self, error: BaseException | None) -> AVStudioError | None:
        """Record the error of a round, or `None` for a success; return the error if it has lasted."""
        if error is None:
            self._began = None
            return None
        if self._began is None:
            self._began = self._clock()
        if self._clock() - self._began < self._patience:
            return None
        return error if isinstance(error, AVStudioError) else AVStudioError(f"The engine failed: {error}")
