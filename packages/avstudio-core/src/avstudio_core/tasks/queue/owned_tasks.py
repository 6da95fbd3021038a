"""The tasks within a reach: what users and interfaces may ask about them, and do with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, NoReturn, TypeVar, Unpack

from sqlalchemy import ColumnElement, func, select

from avstudio_core.errors import NotFound
from avstudio_core.names import all_checked, checked
from avstudio_core.page import MOST, Page, limited, page_of
from avstudio_core.reach import ALL
from avstudio_core.storage.database import Database, Operation
from avstudio_core.storage.queries import rows
from avstudio_core.storage.tables import tasks
from avstudio_core.tasks.events.bell import Bell
from avstudio_core.tasks.events.event_filter import EventFilter
from avstudio_core.tasks.events.event_stream import EventStream
from avstudio_core.tasks.events.hub import Hub
from avstudio_core.tasks.queue import run_rows, statements
from avstudio_core.tasks.queue.kept_plans import KeptPlans
from avstudio_core.tasks.queue.known_names import KnownNames
from avstudio_core.tasks.queue.removal import Removal, Removed
from avstudio_core.tasks.queue.task_filter import TaskFilter, check_names, conditions
from avstudio_core.tasks.queue.user_requests import UserRequests
from avstudio_core.tasks.queue.waiters import Waiting
from avstudio_core.tasks.run import Run
from avstudio_core.tasks.states import State
from avstudio_core.tasks.task import PERSON, Task
from avstudio_core.twin import twin

T = TypeVar("T")


class Shared(NamedTuple):
    """What the tasks of all owners have in common."""

    database: Database
    bell: Bell
    hub: Hub
    waiting: Waiting


class OwnedTasks:
    """Find, cancel, retry and review tasks.

    The id of a task beyond the reach is as unknown as one that nobody has: `NotFound`.
    """

    def __init__(
        self,
        shared: Shared,
        requests: UserRequests,
        removal: Removal,
        allow: Callable[[], None] = lambda: None,
        known: KnownNames | None = None,
    ) -> None:
        self.reach = requests.reach
        self.plans = KeptPlans(shared.database, requests.reach)
        self._shared = shared
        self._database, self._bell, self._hub, self._waiting = shared
        self._requests = requests
        self._removal = removal
        self._allow = allow
        self._known = known or KnownNames(shared.database, requests.reach)

    # Queries

    def get(self, task_id: str) -> Task:
        """The task as it is now. Raises `NotFound`."""
        checked(task_id, "task id")
        with self._database.read() as connection:
            row = connection.execute(statements.GET, {"id": task_id, **self.reach.values}).mappings().first()
        if row is None:
            raise NotFound(f"No task has the id '{task_id}'.", hint="See the list of tasks.")
        return Task.from_row(row)

    def ended(self, task_id: str) -> Future[Task]:
        """The task, when it has ended in any studio."""
        return self._waiting.ended(checked(task_id, "task id"), self.reach)

    def find(self, *, limit: int | None = None, **wanted: Unpack[TaskFilter]) -> list[Task]:
        """The newest `limit` tasks, in the order of their creation.

        The conditions are `states`, `processor`, `project`, `plan_id`, `run_id`, `since`, `until` and `before`. Raises
        `InvalidInput`, and `NotFound` for a processor, project, plan or run that is not known.
        """
        most = None if limit is None else limited(limit, "tasks")
        return self._newest(most, wanted)[::-1]

    def page(self, limit: int = 50, **wanted: Unpack[TaskFilter]) -> Page[Task]:
        """The newest tasks that meet the conditions of `find`, the newest first; the cursor is for `before`."""
        found = self._newest(limited(limit, "tasks", least=1) + 1, wanted)
        return page_of(found, limit, lambda task: task.id)

    def steps(self, plan_id: str, limit: int = 50, *, after: str | None = None) -> Page[Task]:
        """The tasks of a plan in the order of their creation, or those after the task `after`, which is the cursor.

        Raises `NotFound` for an unknown plan, `InvalidInput`.
        """
        wanted = limited(limit, "tasks", least=1) + 1
        query = select(*statements.TASK).where(*self._of_plan(plan_id)).order_by(tasks.c.id).limit(wanted)
        later = query if after is None else query.where(tasks.c.id > checked(after, "task id"))
        with self._database.read() as connection:
            found = [Task.from_row(row) for row in connection.execute(later).mappings()]
        if not found:
            self.states_of_plan(plan_id)
        return page_of(found, limit, lambda task: task.id)

    def step_ids(self, plan_id: str) -> dict[str, str]:
        """The ids of all tasks of a plan by their steps, in the order of their creation. Raises `NotFound`."""
        query = select(tasks.c.step, tasks.c.id).where(*self._of_plan(plan_id)).order_by(tasks.c.id)
        with self._database.read() as connection:
            found = {row.step: row.id for row in connection.execute(query)}
        return found or _no_plan(plan_id)

    def states_of_plan(self, plan_id: str) -> dict[State, int]:
        """The number of a plan's tasks in each state that occurs. Raises `NotFound`."""
        query = select(tasks.c.state, func.count()).where(*self._of_plan(plan_id)).group_by(tasks.c.state)
        with self._database.read() as connection:
            found = {State(state): count for state, count in connection.execute(query)}
        return found or _no_plan(plan_id)

    def _of_plan(self, plan_id: str) -> tuple[ColumnElement[bool], ...]:
        return tasks.c.plan_id == checked(plan_id, "plan id"), *statements.owned(self.reach)

    def _newest(self, limit: int | None, wanted: TaskFilter) -> list[Task]:
        query, most = statements.newest(self.reach), {"most": MOST if limit is None else limit}
        met = [*conditions(wanted)]
        with self._database.read() as connection:
            if met:
                found: Sequence[Sequence[Any]] = connection.execute(query.where(*met), most).all()
            else:
                found = rows(connection, query, most)  # the most frequent list, without SQLAlchemy's overhead
        if not found:  # the tasks that are found have all the names
            check_names(self._known, wanted)
        return [Task.from_row(dict(zip(Task.model_fields, row, strict=True))) for row in found]

    def at_rest(self, task_ids: Collection[str]) -> set[str]:
        """Those of some tasks that have ended, wait for a person's review, or for a task that does.

        Raises `NotFound`, `InvalidInput`.
        """
        task_ids = all_checked(task_ids, "task id")
        with self._database.read() as connection:
            values = {"ids": json.dumps(task_ids), **self.reach.values}
            known = dict(rows(connection, statements.REST, values))
        for task_id in task_ids:
            if task_id not in known:
                raise NotFound(f"No task has the id '{task_id}'.", hint="See the list of tasks.")
        return {task_id for task_id, rests in known.items() if rests}

    def matching(self, part: str) -> list[str]:
        """The ids of the tasks whose id contains a text, in the order of their creation."""
        part, mine = checked(part, "part of a task's id"), statements.owned(self.reach)
        query = select(tasks.c.id).where(tasks.c.id.contains(part, autoescape=True), *mine).order_by(tasks.c.id)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def counted(self) -> dict[State, int]:
        """The number of tasks in each state that occurs."""
        with self._database.read() as connection:
            if self.reach != ALL:
                query = select(tasks.c.state, func.count()).where(*statements.owned(self.reach))
                return {State(state): count for state, count in connection.execute(query.group_by(tasks.c.state))}
            found = {State(state): count for state, count in rows(connection, statements.COUNTED, {})}
            ((total,),) = rows(connection, statements.TOTAL, {})
        completed = total - sum(found.values())
        return {State.COMPLETED: completed, **found} if completed else found

    def run(self, run_id: str) -> Run:
        """The run as it is now. Raises `NotFound`."""
        return run_rows.find(self._database, checked(run_id, "run id"), self.reach)

    def unended(self, run_id: str) -> list[str]:
        """The ids of the tasks of a run that have not ended; those of plans in results are added later."""
        return run_rows.unended(self._database, checked(run_id, "run id"), self.reach)

    def runs(self, limit: int = 50, *, before: str | None = None) -> Page[Run]:
        """The newest runs, or those older than the run `before`, the newest first. Raises `InvalidInput`."""
        return run_rows.page(self._database, self.reach, limit, before)

    def stream(self, wanted: EventFilter, after: int | None, *, lossless: bool = False) -> EventStream:
        """The events within reach that a filter accepts: those with a number above `after`, or only new ones."""
        return EventStream(self._hub, wanted.within(self.reach), after, lossless=lossless)

    # Requests

    def cancel(self, task_id: str) -> State:
        """Cancel a task: at once if it does not run, otherwise it is asked to stop. Return its state.

        Raises `InvalidTransition` for a task that has ended, `NotFound`.
        """
        self._allow()
        checked(task_id, "task id")
        return self._write(lambda transaction: self._requests.cancel(transaction, task_id), task_id).result()

    def cancel_plan(self, plan_id: str) -> None:
        """Cancel all tasks of a plan that have not ended, in one transaction. Raises `NotFound`."""
        self._allow()
        checked(plan_id, "plan id")
        self._bell.ring(self._write(lambda transaction: self._requests.cancel_plan(transaction, plan_id)).result())

    def cancel_run(self, run_id: str) -> None:
        """Cancel a run in one transaction, after which none of its tasks starts. Raises `NotFound`."""
        self._allow()
        checked(run_id, "run id")
        self._bell.ring(self._write(lambda transaction: self._requests.cancel_run(transaction, run_id)).result())

    def retry(self, task_id: str) -> list[str]:
        """FAILED or BLOCKED → PENDING, with the dependencies that failed and the dependents they blocked.

        Returns the ids of all these tasks, which become this studio's own.
        """
        self._allow()
        checked(task_id, "task id")
        freed = self._write(lambda transaction: self._requests.retry(transaction, task_id)).result()
        self._bell.ring(freed)
        return freed

    def retry_plan(self, plan_id: str) -> list[str]:
        """Retry all tasks of a plan that failed or are blocked, in one transaction; return their ids.

        Raises `NotFound`.
        """
        self._allow()
        checked(plan_id, "plan id")
        freed = self._write(lambda transaction: self._requests.retry_plan(transaction, plan_id)).result()
        self._bell.ring(freed)
        return freed

    def accept(self, task_id: str, by: str = PERSON) -> None:
        """A person, or the agent that reviews it, accepts a run: AWAITING_REVIEW → COMPLETED."""
        self._allow()
        checked(task_id, "task id")
        self._write(lambda transaction: self._requests.accept(transaction, task_id, by), task_id).result()

    def send_back(self, task_id: str, reason: str, by: str = PERSON) -> None:
        """A person, or the agent that reviews it, sends a run back with a reason; the task is queued again."""
        self._allow()
        checked(task_id, "task id")
        self._write(lambda transaction: self._requests.send_back(transaction, task_id, reason, by), task_id).result()

    def delete(self, *task_ids: str, dry_run: bool = False) -> Removed:
        """Delete tasks that have ended, with their events, what they made, and what only they were given.

        With `dry_run`, only tell what would go. Raises `NotFound`, and `InUse` if a task that has not ended needs what
        would go; then it deletes nothing.
        """
        self._allow()
        return self._removal.trial(dry_run).tasks(task_ids)

    def delete_plan(self, plan_id: str, *, dry_run: bool = False) -> Removed:
        """Delete all tasks of a plan, or only tell what would go. Raises `NotFound`, `InUse`."""
        self._allow()
        return self._removal.trial(dry_run).plan(plan_id)

    aget = twin(get)
    """`get` without blocking an event loop."""
    afind = twin(find)
    """`find` without blocking an event loop."""
    apage = twin(page)
    """`page` without blocking an event loop."""
    asteps = twin(steps)
    """`steps` without blocking an event loop."""
    astep_ids = twin(step_ids)
    """`step_ids` without blocking an event loop."""
    astates_of_plan = twin(states_of_plan)
    """`states_of_plan` without blocking an event loop."""
    acounted = twin(counted)
    """`counted` without blocking an event loop."""
    aat_rest = twin(at_rest)
    """`at_rest` without blocking an event loop."""
    amatching = twin(matching)
    """`matching` without blocking an event loop."""
    arun = twin(run)
    """`run` without blocking an event loop."""
    aunended = twin(unended)
    """`unended` without blocking an event loop."""
    aruns = twin(runs)
    """`runs` without blocking an event loop."""
    aretry = twin(retry)
    """`retry` without blocking an event loop."""
    aretry_plan = twin(retry_plan)
    """`retry_plan` without blocking an event loop."""
    acancel = twin(cancel)
    """`cancel` without blocking an event loop."""
    acancel_plan = twin(cancel_plan)
    """`cancel_plan` without blocking an event loop."""
    acancel_run = twin(cancel_run)
    """`cancel_run` without blocking an event loop."""
    aaccept = twin(accept)
    """`accept` without blocking an event loop."""
    asend_back = twin(send_back)
    """`send_back` without blocking an event loop."""
    adelete = twin(delete)
    """`delete` without blocking an event loop."""
    adelete_plan = twin(delete_plan)
    """`delete_plan` without blocking an event loop."""

    def _write(self, operation: Operation[T], *task_ids: str) -> Future[T]:
        future = self._database.write_soon(operation)
        if task_ids:
            future.add_done_callback(lambda _: self._bell.ring(task_ids))
        return future


def _no_plan(plan_id: str) -> NoReturn:
    raise NotFound(f"No plan has the id '{plan_id}'.", hint="See the list of plans.")
