"""How many requests each key, and each address without one, may send."""

from __future__ import annotations

import math
import time
from typing import NamedTuple

from limits import RateLimitItemPerMinute
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import ConfigurationError
from limits.storage import storage_from_string

from avstudio_core.errors import InvalidInput, RateLimited
from avstudio_core.quotes import quoted

MEMORY = "memory://"
WINDOW_SECONDS = 60
REFUSED_PER_MINUTE = 120
"""How many requests without a valid key an address may send in a minute."""


class Allowance(NamedTuple):
    """What is left of a limit."""

    limit: int
    remaining: int
    reset: float
    """Seconds until all of it is there again."""
    allowed: bool
    """Whether the request is within the limit."""

    def check(self) -> None:
        """Raises `RateLimited`."""
        if not self.allowed:
            raise _too_many(self.reset)

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of the IETF's draft, and those that clients of OpenAI read."""
        left, reset = max(0, self.remaining), max(0, math.ceil(self.reset))
        return [
            (b"ratelimit-policy", f'"requests";q={self.limit};w={WINDOW_SECONDS}'.encode()),
            (b"ratelimit", f'"requests";r={left};t={reset}'.encode()),
            (b"x-ratelimit-limit-requests", str(self.limit).encode()),
            (b"x-ratelimit-remaining-requests", str(left).encode()),
            (b"x-ratelimit-reset-requests", f"{reset}s".encode()),
        ]


class RateLimits:
    """Counts requests in a sliding window of a minute: in this process, or in Redis for several servers."""

    def __init__(self, per_minute: int, storage: str = MEMORY) -> None:
        """With `per_minute` 0, there are no limits. Raises `InvalidInput` for a storage that cannot be used."""
        try:
            made = storage_from_string(f"async+{storage}")
        except (ConfigurationError, ImportError, ValueError) as error:
            hint = "Give 'memory://', or 'redis://HOST:PORT' with the library 'coredis' installed."
            raise InvalidInput(f"Rate limits cannot be stored in {quoted(storage)}.", hint=hint) from error
        self._limiter = SlidingWindowCounterRateLimiter(made)
        self.per_minute = per_minute
        self._item = RateLimitItemPerMinute(per_minute) if per_minute else None
        self._refused = RateLimitItemPerMinute(REFUSED_PER_MINUTE) if per_minute else None

    async def take(self, who: str) -> Allowance | None:
        """Count a request of a key."""
        if self._item is None:
            return None
        allowed = await self._limiter.hit(self._item, who)
        reset, remaining = await self._limiter.get_window_stats(self._item, who)
        return Allowance(self._item.amount, int(remaining), reset - time.time(), allowed)

    async def refused(self, address: str) -> None:
        """Count a request without a valid key. Raises `RateLimited`."""
        if self._refused is not None and not await self._limiter.hit(self._refused, "refused", address):
            reset, _ = await self._limiter.get_window_stats(self._refused, "refused", address)
            raise _too_many(reset - time.time())


def _too_many(seconds: float) -> RateLimited:
    return RateLimited("Too many requests.", retry_after=max(1.0, seconds))
