"""Who makes a request, and how long that holds."""

from __future__ import annotations

import time
from typing import NamedTuple

from avstudio_core import Principal


class Identity(NamedTuple):
    principal: Principal
    until: float | None = None
    """When its token or cookie expires, by `time.monotonic`. The ends of keys are looked up."""

    @property
    def seconds(self) -> float | None:
        """How long it still holds."""
        return None if self.until is None else self.until - time.monotonic()
