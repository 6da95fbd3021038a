"""Trying candidates until one answers, within the time that the caller gives."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from avstudio_core.chat import ChatRequest, EmbedRequest
from avstudio_core.errors import (
    AVStudioError,
    BackendDown,
    EgressRefused,
    ModelError,
    OverBudget,
    PluginError,
    RateLimited,
    Unavailable,
)
from avstudio_core.route_decision import Candidate

Q = TypeVar("Q", ChatRequest, EmbedRequest)
T = TypeVar("T")

TRIES = 3
"""Calls to the last candidate while it is down or asks to wait; those before it get one each."""
FIRST_PAUSE = 0.5
"""Seconds; doubles with each try, unless the server says how long to wait."""
LEAST_SECONDS = 0.001
"""What is left of a caller's time is no less."""


async def until_answered(candidates: Sequence[Candidate], request: Q, ask: Callable[[Q, Candidate], Awaitable[T]]) -> T:
    """What the first candidate that answers gives; each is asked with the time that is left of the request's.

    Raises the first one's error when none answers.
    """
    until = time.monotonic() + request.timeout
    errors: list[AVStudioError] = []
    asked = request
    for place, candidate in enumerate(candidates):
        tries = TRIES if place == len(candidates) - 1 else 1
        for number in range(tries):
            try:
                return await ask(asked, candidate)
            except AVStudioError as error:
                if not _may_help(error):
                    raise
                errors.append(error)
            pause = _pause(errors[-1], number) if number + 1 < tries else 0.0
            left = until - time.monotonic()
            if pause is None or pause >= left:
                break
            await asyncio.sleep(pause)
            asked = request.model_copy(update={"timeout": max(LEAST_SECONDS, until - time.monotonic())})
        if time.monotonic() >= until:
            break
    raise errors[0]


def _may_help(error: AVStudioError) -> bool:
    """Whether another model may answer where this one failed."""
    return isinstance(error, OverBudget | EgressRefused | Unavailable | PluginError) or (
        isinstance(error, ModelError) and error.elsewhere
    )


def _pause(error: AVStudioError, number: int) -> float | None:
    """Seconds to wait before the same model is asked again, or `None` where that would not help."""
    if not isinstance(error, RateLimited | BackendDown):
        return None
    return FIRST_PAUSE * 2.0**number if error.retry_after is None else error.retry_after
