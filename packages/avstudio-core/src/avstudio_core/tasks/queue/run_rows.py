"""The rows of runs: begun once for each key, and never over their limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, bindparam, func, or_, select, update

from avstudio_core.errors import NotFound, RunLimitReached
from avstudio_core.gateway.ledger import budgets, last_steps
from avstudio_core.gateway.ledger.last_steps import LAST_SECONDS
from avstudio_core.money import MICRO
from avstudio_core.names import checked
from avstudio_core.page import Page, cursor_of, limited, page_of
from avstudio_core.reach import Reach
from avstudio_core.storage.database import Database, Transaction
from avstudio_core.storage.expressions import insert_new
from avstudio_core.storage.owned_rows import seen, within
from avstudio_core.storage.tables import api_calls, cost_records, runs, tasks
from avstudio_core.tasks.run import Run, RunLimits
from avstudio_core.tasks.states import ENDED, State

GET = select(runs).where(runs.c.id == bindparam("id"))
BY_KEY = select(runs.c.id).where(*(runs.c[name] == bindparam(name) for name in ("owner", "project", "key")))
STATES = select(tasks.c.state, func.count()).where(tasks.c.run_id == bindparam("id")).group_by(tasks.c.state)
SPENT = (
    select(func.coalesce(func.sum(cost_records.c.cost_micro), 0))
    .join(api_calls)
    .where(api_calls.c.run == bindparam("id"))
)
RESERVE_STEPS = (
    update(runs)
    .where(
        runs.c.id == bindparam("b_id"),
        runs.c.cancelling.is_(False),
        or_(runs.c.most_steps.is_(None), runs.c.used_steps + bindparam("b_new") <= runs.c.most_steps),
    )
    .values(used_steps=runs.c.used_steps + bindparam("b_new"))
)
CANCEL = update(runs).where(runs.c.id == bindparam("b_id"), seen(runs)).values(cancelling=True)
TASKS = select(tasks.c.id).where(tasks.c.run_id == bindparam("id")).order_by(tasks.c.id.desc())
UNENDED = select(tasks.c.id).where(
    tasks.c.run_id == bindparam("id"), tasks.c.state.in_([str(state) for state in State if state not in ENDED])
)
MOST_FOLLOWING = 1000
"""The most tasks that plans in results add to a plan that is not a run, so that no plan grows for ever."""
FOLLOWING = select(func.count()).where(tasks.c.plan_id == bindparam("id"), tasks.c.step.contains("/"))
"""The tasks that plans in results have added: only their steps have names of several parts."""


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to begin, if its owner has none with the same key in the project."""

    id: str
    owner: str
    project: str
    key: str | None
    limits: RunLimits
    request: str | None = None
    """A digest of what was asked under the key."""
    webhook: str | None = None
    """The webhook that is notified of its events."""


class Terms(NamedTuple):
    """What holds for a task of a run: when it must end, and whether its requests stay on this machine."""

    deadline: float | None = None
    private: bool = False


def begin(transaction: Transaction, new: NewRun, now: float) -> str:
    """Add a run; if the owner has one with its key in the project, return the id of that one instead."""
    limits = new.limits
    row = {
        "id": new.id,
        "owner": new.owner,
        "project": new.project,
        "key": new.key,
        "limits": limits.model_dump_json(),
        "most_steps": limits.steps,
        "most_tokens": limits.tokens,
        "used_steps": 0,
        "used_tokens": 0,
        "deadline": None if limits.seconds is None else now + limits.seconds,
        "cancelling": False,
        "created_at": now,
        "request": new.request,
        "webhook": new.webhook,
    }
    if not transaction.execute(insert_new(runs), row).rowcount:
        return str(transaction.execute(BY_KEY, {name: row[name] for name in ("owner", "project", "key")}).scalar_one())
    if limits.money is not None:
        budget = budgets.checked(f"run:{new.id}", "total", round(limits.money * MICRO))
        budgets.store(transaction, budget, now)
    return new.id


def reserve_steps(transaction: Transaction, run_id: str, new: int) -> None:
    """Count new tasks of a run. Raises `RunLimitReached`, and then nothing may be stored."""
    if transaction.execute(RESERVE_STEPS, {"b_id": run_id, "b_new": new}).rowcount:
        return
    row = transaction.execute(GET, {"id": run_id}).mappings().one()
    if row["cancelling"]:
        raise RunLimitReached(f"The run '{run_id}' was cancelled.")
    most = "1 step" if row["most_steps"] == 1 else f"{row['most_steps']} steps"
    message = f"The run '{run_id}' may have {most}: it has {row['used_steps']}, and {new} would follow."
    raise RunLimitReached(message, hint="Start a run with a higher limit.")


def refuse_growth(transaction: Transaction, plan_id: str, new: int) -> None:
    """Raises `RunLimitReached` if plans in results would add too many tasks to a plan that is not a run."""
    if (found := transaction.execute(FOLLOWING, {"id": plan_id}).scalar_one()) + new > MOST_FOLLOWING:
        message = (
            f"Plans in results may add {MOST_FOLLOWING} tasks to a plan: they added {found}, and {new} would follow."
        )
        raise RunLimitReached(message, hint="Start a run, whose limits you choose.")


def refusal(transaction: Transaction, run_id: str, task_id: str, now: float) -> str | None:
    """Why a task of a run may not start now, if it may not."""
    row: RowMapping = transaction.execute(GET, {"id": run_id}).mappings().one()
    if row["cancelling"]:
        return f"The run '{run_id}' was cancelled."
    late = row["deadline"] is not None and now >= row["deadline"] and not last_steps.is_last(transaction, task_id)
    return f"The time limit of the run '{run_id}' is over." if late else None


def terms(database: Database, run_id: str | None, task_id: str, now: float) -> Terms:
    """The terms of a task that starts now; a last step gets some time, even if that of its run is over."""
    if run_id is None:
        return Terms()
    with database.read() as connection:
        row = connection.execute(GET, {"id": run_id}).mappings().one()
        end: float | None = row["deadline"]
        late = end is not None and end < now + LAST_SECONDS and last_steps.is_last(connection, task_id)
    return Terms(now + LAST_SECONDS if late else end, RunLimits.model_validate_json(row["limits"]).private)


def find(database: Database, run_id: str, reach: Reach) -> Run:
    """The run of that id, if it is within reach. Raises `NotFound`."""
    with database.read() as connection:
        query = GET.where(*within(reach, runs))
        row = connection.execute(query, {"id": checked(run_id, "run id")}).mappings().first()
        if row is None:
            raise NotFound(f"No run has the id '{run_id}'.")
        return _run(connection, row)


def unended(database: Database, run_id: str, reach: Reach) -> list[str]:
    """The ids of the tasks within reach of a run that have not ended."""
    with database.read() as connection:
        return list(connection.execute(UNENDED.where(*within(reach, tasks)), {"id": run_id}).scalars())


def page(database: Database, reach: Reach, limit: int, before: str | None) -> Page[Run]:
    """The newest runs within reach, or those older than the run `before`, the newest first. Raises `InvalidInput`."""
    query = select(runs).where(*within(reach, runs)).order_by(runs.c.id.desc())
    query = query.limit(limited(limit, "runs", least=1) + 1)
    if before is not None:
        query = query.where(runs.c.id < cursor_of(before, "run"))
    with database.read() as connection:
        found = [_run(connection, row) for row in connection.execute(query).mappings().all()]
    return page_of(found, limit, lambda one: one.id)


def _run(connection: Connection, row: RowMapping) -> Run:
    """The run of a row, with what it has spent and the states of its tasks."""
    of_run = {"id": row["id"]}
    states = {State(state): count for state, count in connection.execute(STATES, of_run)}
    spent = connection.execute(SPENT, of_run).scalar_one() / MICRO
    values: dict[str, Any] = {name: row[name] for name in Run.model_fields if name in row}
    values["limits"] = RunLimits.model_validate_json(row["limits"])
    return Run(**values, spent=spent, states=states)


def with_key(database: Database, owner: str, project: str, key: str) -> str | None:
    """The id of the run with that key in an owner's project."""
    with database.read() as connection:
        return connection.execute(BY_KEY, {"owner": owner, "project": project, "key": key}).scalar()


def tasks_of(transaction: Transaction, run_id: str) -> Iterable[str]:
    """The ids of its tasks, the newest first."""
    return [*transaction.execute(TASKS, {"id": run_id}).scalars()]
