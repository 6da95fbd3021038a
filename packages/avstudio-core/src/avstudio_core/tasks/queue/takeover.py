"""The state changes of a task whose run died: with its worker, or with its studio."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from typing import Any

from sqlalchemy import RowMapping

from avstudio_core.storage.database import Transaction
from avstudio_core.tasks.queue import statements
from avstudio_core.tasks.queue.state_changes import StateChanges
from avstudio_core.tasks.states import State
from avstudio_core.tasks.task import Problem

MOST_DEATHS = 10
"""A task fails if this many studios died soon after they started it."""


class Death(Enum):
    """What died before a run reported its end."""

    WORKER = "the process of the run"
    PLANNER = "the studio, while it planned the run"
    STUDIO = "the studio, at most `AT_ONCE_SECONDS` after it started the run in a worker process"
    LATER = "the studio, later than that"


OWN = (Death.WORKER, Death.PLANNER)
"""The deaths that only the task itself is likely to have caused."""


class Takeover(StateChanges):
    """Returns tasks whose runs died to the queue; after too many deaths, they fail."""

    def reap(self, transaction: Transaction, dead: Collection[str], *, silent: bool) -> list[str]:
        late = self._clock() if silent else 0.0
        values = {"dead": list(dead), "now": late, "studio": self._rules.studio, "lease": self._rules.lease_seconds}
        lost = transaction.execute(statements.LOST, values).all()
        for task_id, fence, apart, outlived, planned in lost:
            death = Death.LATER if outlived else Death.STUDIO
            death = Death.PLANNER if planned else death if apart else Death.WORKER
            self.lose(transaction, task_id, fence, _problem(death), death)
        return [one.id for one in lost]

    def lose(
        self, transaction: Transaction, task_id: str, fence: int, problem: Problem, death: Death = Death.WORKER
    ) -> bool:
        """A run died: its task goes ASSIGNED or IN_PROGRESS → PENDING, or → FAILED after too many deaths.

        Deaths of the worker, and of studios while they plan the run, count towards `max_deliveries`; those of studios
        soon after the start of a run in another process to `MOST_DEATHS`.
        """
        row = self._held(transaction, task_id, fence)
        if row is None:
            return False
        if row["state"] == State.ASSIGNED and death is not Death.PLANNER:
            return self.hand_back(transaction, task_id, fence, deliveries=max(1, row["deliveries"] - 1))
        again = self._after_death(row, death)
        if again is None:
            times = row["deliveries"] if death in OWN else row["deaths"] + 1
            problem = problem.model_copy(
                update={"message": f"{problem.message} The task was handed out {times} times."}
            )
        self._end_run(transaction, row, problem, None if row["cancelling"] else again)
        return True

    def _after_death(self, row: RowMapping, death: Death) -> dict[str, Any] | None:
        """The values for another delivery of a task; `None` after too many deaths."""
        again = {"available_at": self._clock()}
        if death in OWN:
            return again if row["deliveries"] < self._rules.max_deliveries else None
        deaths = row["deaths"] + (death is Death.STUDIO)
        return {**again, "deliveries": row["deliveries"] - 1, "deaths": deaths} if deaths < MOST_DEATHS else None


def _problem(death: Death) -> Problem:
    """The problem of a task whose studio died."""
    if death is Death.PLANNER:
        return Problem(code="worker_lost", message="The studio died while it planned this task.")
    if death is Death.WORKER:
        hint = "Make the setting 'executor' 'local': then the task can end only a process of its own."
        return Problem(code="worker_lost", message="The studio that ran this task in its own process died.", hint=hint)
    return Problem(code="worker_lost", message="The studio that ran this task died.")
