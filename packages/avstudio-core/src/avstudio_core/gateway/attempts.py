"""Trying candidates until one answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from avstudio_core.errors import (
    AVStudioError,
    BackendDown,
    EgressRefused,
    ModelError,
    OverBudget,
    RateLimited,
    Unavailable,
)
from avstudio_core.language_models import Model

T = TypeVar("T")

TRIES = 3
"""Calls to the last candidate while it is down or asks to wait; those before it get one each."""
FIRST_PAUSE = 0.5
"""Seconds; doubles with each try, unless the server says how long to wait."""
LONGEST_PAUSE = 30.0
"""Seconds that a server may make us wait before we rather give up."""


async def until_answered(models: Sequence[Model], ask: Callable[[Model], Awaitable[T]]) -> T:
    """What the first model that answers says. Raises the first one's error when none does."""
    errors: list[AVStudioError] = []
    for place, model in enumerate(models):
        tries = TRIES if place == len(models) - 1 else 1
        for number in range(tries):
            try:
                return await ask(model)
            except AVStudioError as error:
                if not _may_help(error):
                    raise
                errors.append(error)
                pause = _pause(error, number)
                if number + 1 == tries or pause is None:
                    break
                await asyncio.sleep(pause)
    raise errors[0]


def _may_help(error: AVStudioError) -> bool:
    """Whether another model may answer where this one failed."""
    return isinstance(error, OverBudget | EgressRefused | Unavailable) or (
        isinstance(error, ModelError) and error.elsewhere
    )


def _pause(error: AVStudioError, number: int) -> float | None:
    """Seconds to wait before the same model is asked again, or `None` where that would not help."""
    if isinstance(error, RateLimited) and error.retry_after is not None:
        return error.retry_after if error.retry_after <= LONGEST_PAUSE else None
    if isinstance(error, RateLimited | BackendDown):
        return FIRST_PAUSE * 2.0**number
    return None
