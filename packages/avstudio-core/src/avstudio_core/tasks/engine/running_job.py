"""A job that the executor runs, and the time in which it must report."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from avstudio_core.errors import AVStudioError
from avstudio_core.orders import Order
from avstudio_core.settings import Settings
from avstudio_core.tasks.queue.queue_types import Claim
from avstudio_core.tasks.task import Problem

GRACE_SECONDS = 3.0
"""Besides the settings, the time that an executor may take to stop a run and to report its end, in seconds."""


@dataclass(slots=True)
class Running:
    """A job that the executor has accepted."""

    claim: Claim
    order: Order
    cache_key: str | None
    again: bool = False
    """Whether its review sent the previous run back."""
    told_at: float = 0.0
    since: float = field(default_factory=time.monotonic)
    """When the executor accepted it, then when it reported its start."""
    started: bool = False

    def start(self) -> None:
        """Record that the executor has reported the start."""
        self.started, self.since = True, time.monotonic()

    def damaged(self, flaw: AVStudioError) -> Problem:
        """The problem of a job that would read a damaged file."""
        hint = "Submit the original file again, or run the task that made it again."
        return Problem(code=flaw.code, message=self.order.shown(flaw.message), hint=hint)

    def overdue(self, settings: Settings, *, may_wait: bool) -> Problem | None:
        """The problem of a job whose end, or start if it may not wait, its executor must have reported by now."""
        if may_wait and not self.started:
            return None
        limit = self.order.limit(settings.limit_seconds) if self.started else settings.limit_seconds or math.inf
        if time.monotonic() < self.since + limit + settings.cancel_seconds + settings.silent_seconds + GRACE_SECONDS:
            return None
        what = f"the {'end' if self.started else 'start'} of {self.order.processor}"
        message = f"The executor '{settings.executor}' did not report {what} within the time limit of {limit:g} s."
        return Problem(code="executor_silent", message=message, hint="Update its plugin, or choose another executor.")
