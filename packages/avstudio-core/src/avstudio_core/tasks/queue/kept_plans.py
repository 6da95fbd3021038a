"""The plans that were submitted, as they were written."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, bindparam, func, insert, select

from avstudio_core.errors import NotFound
from avstudio_core.names import checked
from avstudio_core.page import Page, cursor_of, limited, page_of
from avstudio_core.reach import Reach
from avstudio_core.storage.database import Database
from avstudio_core.storage.owned_rows import within
from avstudio_core.storage.tables import plans, tasks
from avstudio_core.tasks.states import State
from avstudio_core.twin import twin

ADD = insert(plans)
COLUMNS = [plans.c[name] for name in ("id", "owner", "project", "text", "created_at")]
STATES = (
    select(tasks.c.plan_id, tasks.c.state, func.count())
    .where(tasks.c.plan_id.in_(bindparam("plans", expanding=True)))
    .group_by(tasks.c.plan_id, tasks.c.state)
)
ORDER = (
    State.FAILED,
    State.BLOCKED,
    State.AWAITING_REVIEW,
    State.IN_PROGRESS,
    State.ASSIGNED,
    State.PENDING,
    State.COMPLETED,
)
"""Which state of its tasks tells most about a plan, the most telling first."""


class KeptPlan(BaseModel):
    """A submitted plan, with the number of its tasks in each state."""

    model_config = ConfigDict(frozen=True)

    id: str
    owner: str
    project: str
    text: str
    """The expression or the JSON that was submitted."""
    created_at: float
    states: dict[State, int] = {}

    @property
    def state(self) -> State | None:
        """The state of the task that tells most about it; `None` if all its tasks were removed."""
        return self.telling(self.states)

    @staticmethod
    def telling(states: Collection[State]) -> State | None:
        """The state, among those of the tasks of a plan, that tells most about the plan."""
        return next((state for state in ORDER if state in states), None)


class KeptPlans:
    """Queries about the submitted plans within a reach.

    A single task that was submitted without a plan is not among them.
    """

    def __init__(self, database: Database, reach: Reach) -> None:
        self._database = database
        self._query = select(*COLUMNS).where(*within(reach, plans))

    def find(self, *, limit: int | None = None) -> list[KeptPlan]:
        """The newest `limit` plans, in the order of their submission."""
        most = None if limit is None else limited(limit, "plans")
        return list(reversed(self._read(self._query.order_by(plans.c.id.desc()).limit(most))))

    def page(self, limit: int = 50, *, before: str | None = None) -> Page[KeptPlan]:
        """The newest plans, or those older than the plan `before`, the newest first. Raises `InvalidInput`."""
        query = self._query.order_by(plans.c.id.desc()).limit(limited(limit, "plans", least=1) + 1)
        older = query if before is None else query.where(plans.c.id < cursor_of(before, "plan"))
        return page_of(self._read(older), limit, lambda plan: plan.id)

    def get(self, plan_id: str) -> KeptPlan:
        """The plan of that id. Raises `NotFound`."""
        found = self._read(self._query.where(plans.c.id == checked(plan_id, "plan id")))
        if not found:
            raise NotFound(f"No plan has the id '{plan_id}'.", hint="See the list of plans.")
        return found[0]

    def _read(self, query: Select[Any]) -> list[KeptPlan]:
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
            counted = connection.execute(STATES, {"plans": [row["id"] for row in rows]}).all()
        return [KeptPlan(**row, states=_states(row["id"], counted)) for row in rows]

    aget = twin(get)
    """`get` without blocking an event loop."""
    afind = twin(find)
    """`find` without blocking an event loop."""
    apage = twin(page)
    """`page` without blocking an event loop."""


def _states(plan_id: str, counted: Iterable[Any]) -> dict[State, int]:
    return {State(state): count for plan, state, count in counted if plan == plan_id}
