"""Tries the candidates in order until one answers, within the caller's time limit."""

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
"""The most calls to the last candidate while it is down or asks to wait; the others are called once."""
FIRST_PAUSE = 0.5
"""The first pause in seconds; it doubles with each try, unless the server gives the time to wait."""
LEAST_SECONDS = 0.001
"""The least time limit of a call in seconds."""
SHORT_SECONDS = 0.05
"""A choice of the model that takes no longer is not subtracted from the time limit."""


async def until_answered(
    candidates: Sequence[Candidate], request: Q, ask: Callable[[Q, Candidate], Awaitable[T]], began: float
) -> T:
    """The answer of the first candidate that answers; each is called with the remaining time of the request.

    The time counts from `began`. Raises the error of the first candidate if none answers.
    """
    until = began + request.timeout
    if time.monotonic() >= until:
        message = f"The time limit of {request.timeout:.3g} s passed before a model was called."
        raise BackendDown(message, hint="Give more time: a first call loads libraries.", waited=request.timeout)
    errors: list[AVStudioError] = []
    asked = request if time.monotonic() - began < SHORT_SECONDS else _with_the_rest(request, until)
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
            asked = _with_the_rest(request, until)
        if time.monotonic() >= until:
            break
    raise errors[0]


def _with_the_rest(request: Q, until: float) -> Q:
    """The request with the time that is left as its limit."""
    return request.model_copy(update={"timeout": max(LEAST_SECONDS, until - time.monotonic())})


def _may_help(error: AVStudioError) -> bool:
    """Whether another model may answer after this error."""
    return isinstance(error, OverBudget | EgressRefused | Unavailable | PluginError) or (
        isinstance(error, ModelError) and error.elsewhere
    )


def _pause(error: AVStudioError, number: int) -> float | None:
    """Seconds to wait before the same model is called again, or `None` if that would not help."""
    if not isinstance(error, RateLimited | BackendDown):
        return None
    return FIRST_PAUSE * 2.0**number if error.retry_after is None else error.retry_after
