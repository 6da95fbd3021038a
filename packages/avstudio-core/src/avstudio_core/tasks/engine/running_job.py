"""A job that the executor runs, and the time in which it must report."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from avstudio_core.artifact import Artifact, artifacts_in
from avstudio_core.errors import AVStudioError, PluginError
from avstudio_core.orders import Order
from avstudio_core.results import Result
from avstudio_core.settings import Settings
from avstudio_core.tasks.queue.queue_types import Claim
from avstudio_core.tasks.task import Problem

GRACE_SECONDS = 3.0
"""Besides the settings, the time that an executor may take to stop a run and to report its end, in seconds."""

PROGRESS_SECONDS = 0.2
"""The shortest time between two progress events of a task, in seconds."""


@dataclass(slots=True)
class Running:
    """A job that the executor has accepted."""

    claim: Claim
    order: Order
    cache_key: str | None
    again: bool = False
    """Whether its review sent the previous run back."""
    told_at: float = 0.0
    told_percent: float = 0.0
    since: float = field(default_factory=time.monotonic)
    """When the executor accepted it, then when it reported its start."""
    started: bool = False

    def start(self) -> None:
        """Record that the executor has reported the start."""
        self.started, self.since = True, time.monotonic()

    def news(self, percent: float) -> bool:
        """Whether a progress is to be recorded: the first end, and otherwise not too many."""
        now = time.monotonic()
        if now < self.told_at + PROGRESS_SECONDS and not percent >= 100.0 > self.told_percent:
            return False
        self.told_at, self.told_percent = now, percent
        return True

    def made(self, result: Result) -> tuple[Artifact, ...]:
        """The files that the run made. Raises `PluginError` for others, and for those of another trust."""
        found, order = artifacts_in(result).values(), self.order
        order.refuse_foreign(found, {one.sha256 for one in found if (order.folder / one.sha256).is_file()})
        made = {one.id: one for one in found if one.id not in order.parents}
        if any(one.trust != order.trust for one in made.values()):
            raise PluginError("its files do not have the trust of its sources.")
        return tuple(made.values())

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
