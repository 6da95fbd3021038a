"""The statements of the queue, built once, because building one takes longer than running it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from avstudio_core.reach import Reach
from avstudio_core.storage.expressions import listed
from avstudio_core.storage.owned_rows import seen, within
from avstudio_core.storage.tables import (
    DEFAULT_PROJECT,
    LOCAL_OWNER,
    dependencies,
    jobs,
    model_answers,
    task_inputs,
    tasks,
)
from avstudio_core.tasks.queue.queue_types import Claimed
from avstudio_core.tasks.states import ENDED
from avstudio_core.tasks.task import PERSON, Task, TaskOptions

TASK = [tasks.c[name] for name in Task.model_fields]
CLAIMED = [tasks.c[name] for name in Claimed._fields]


def _is(state: str) -> Any:
    """A literal, because SQLite makes a new plan for each bound value that could allow a partial index."""
    return tasks.c.state == literal_column(f"'{state}'")


_SEEN = seen(tasks)
GET = select(*TASK).where(tasks.c.id == bindparam("id"), _SEEN)
ROW = select(tasks).where(tasks.c.id == bindparam("id"), _SEEN)
_UNDER_WAY = or_(_is("IN_PROGRESS"), and_(_is("AWAITING_REVIEW"), tasks.c.result.is_(None)))
"""A run goes on: a result is stored only after the processor's own review."""
_HAS_JOB = or_(_is("ASSIGNED"), _UNDER_WAY)
HELD = select(tasks).where(tasks.c.id == bindparam("id"), tasks.c.fence == bindparam("fence"), _HAS_JOB)
CACHED = (
    select(tasks.c.result)
    .where(
        tasks.c.cache_key == bindparam("key"),
        tasks.c.owner == bindparam("owner"),
        tasks.c.project == bindparam("project"),
        _is("COMPLETED"),
        tasks.c.cache_key.is_not(None),
    )
    .order_by(tasks.c.finished_at.desc())
    .limit(1)
)
"""The newest: a run without the cache replaces the results of earlier ones. Each owner and project has its own."""

ADD = insert(tasks)
ADD_DEPENDENCY = insert(dependencies)
ADD_INPUT = insert(task_inputs)
ADD_JOB = insert(jobs)

AT_ONCE_SECONDS = 10.0
"""A run did not kill the studio if the last heartbeat was later than this many seconds after the run's start."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
"""The pauses before a retry in seconds. If more than the longest is left, the clock was set back: it runs now."""
READY = and_(_is("PENDING"), tasks.c.waiting == literal_column("0"))
NAMED_PROJECT = tasks.c.project != literal_column(f"'{DEFAULT_PROJECT}'")
UNFINISHED = tasks.c.state != literal_column("'COMPLETED'")
_mine = and_(tasks.c.id.in_(listed("ids")), _SEEN)
_reviewed = and_(_is("AWAITING_REVIEW"), tasks.c.result.is_not(None), tasks.c.reviewer == literal_column(f"'{PERSON}'"))
_standing = select(tasks.c.id).where(_mine, _reviewed).cte("standing", recursive=True)
_standing = _standing.union(select(dependencies.c.task_id).where(dependencies.c.needs_id == _standing.c.id))
REST = select(tasks.c.id, or_(*(_is(state) for state in sorted(ENDED)), tasks.c.id.in_(select(_standing.c.id)))).where(
    _mine
)
"""Whether tasks have ended, wait for a person, or for a task that does. The review of an agent is part of the work."""
COUNTED = select(tasks.c.state, func.count()).where(UNFINISHED).group_by(tasks.c.state)
TOTAL = select(func.count()).select_from(tasks)
"""Counted in the smallest index, because the table itself contains the results."""
NEXT_DUE = select(func.min(tasks.c.available_at)).where(
    READY, tasks.c.available_at > 0.0, tasks.c.available_at > bindparam("now")
)


_FIRST = (tasks.c.priority.desc(), tasks.c.id)
_RUNS = and_(
    tasks.c.state.in_([literal_column(f"'{state}'") for state in ("ASSIGNED", "IN_PROGRESS", "AWAITING_REVIEW")]),
    tasks.c.result.is_(None),
)
_IN_LANE = tasks.c.lane == bindparam("b_lane")


def _claim(mine: bool) -> Any:
    chosen = (
        select(tasks.c.id)
        .where(
            READY,
            or_(tasks.c.available_at <= bindparam("now"), tasks.c.available_at > bindparam("now") + LONGEST_PAUSE),
            _IN_LANE,
            tasks.c.owner == bindparam("b_owner"),
            tasks.c.origin == bindparam("studio") if mine else tasks.c.origin != bindparam("studio"),
            tasks.c.processor.in_(listed("processors")),
        )
        .order_by(*_FIRST)
        .limit(bindparam("limit"))
    )
    values = {"state": "ASSIGNED", "fence": tasks.c.fence + 1, "deliveries": tasks.c.deliveries + 1}
    return update(tasks).where(tasks.c.id.in_(chosen), _is("PENDING")).values(values).returning(*CLAIMED)


CLAIM = {mine: _claim(mine) for mine in (True, False)}
_lanes = select(func.min(tasks.c.lane).label("lane")).where(READY).cte("lanes", recursive=True)
_next_lane = select(func.min(tasks.c.lane)).where(READY, tasks.c.lane > _lanes.c.lane).scalar_subquery()
_lanes = _lanes.union_all(select(_next_lane).where(_lanes.c.lane.is_not(None)))
READY_LANES = select(_lanes.c.lane).where(_lanes.c.lane.is_not(None))
"""Takes one index step for each lane, however many tasks wait in it."""
_owners = select(func.min(tasks.c.owner).label("owner")).where(READY, _IN_LANE).cte("owners", recursive=True)
_next_owner = select(func.min(tasks.c.owner)).where(READY, _IN_LANE, tasks.c.owner > _owners.c.owner).scalar_subquery()
_owners = _owners.union_all(select(_next_owner).where(_owners.c.owner.is_not(None)))
_next_task = select(tasks.c.id).where(READY, _IN_LANE, tasks.c.owner == _owners.c.owner).order_by(*_FIRST).limit(1)
WAITING_OWNERS = select(_owners.c.owner, _next_task.scalar_subquery()).where(_owners.c.owner.is_not(None))
"""The owners with ready tasks in a lane, each with its next one: two index steps for each owner."""
RUNNING = select(tasks.c.owner, func.count()).where(UNFINISHED, _RUNS, _IN_LANE).group_by(tasks.c.owner)
"""How many tasks of each owner run in a lane or are about to."""

_HOLDS = and_(tasks.c.id == bindparam("b_id"), tasks.c.fence == bindparam("b_fence"))
START = (
    update(tasks)
    .where(_HOLDS, _is("ASSIGNED"))
    .values(state="IN_PROGRESS", started_at=bindparam("now"), attempts=tasks.c.attempts + 1, percent=0.0, message="")
)
REVIEWING = update(tasks).where(_HOLDS, _is("IN_PROGRESS")).values(state="AWAITING_REVIEW")
PROGRESS = update(tasks).where(_HOLDS, _UNDER_WAY).values(percent=bindparam("percent"), message=bindparam("message"))
FINISH = (
    update(tasks)
    .where(_HOLDS, _UNDER_WAY, tasks.c.cancelling.is_(False))
    .values(
        state=bindparam("b_state"),
        result=bindparam("b_result"),
        cache_key=bindparam("b_key"),
        finished_at=bindparam("b_now"),
        percent=100.0,
        reason=None,
        error=None,
        # Only a task that waits needs to know its studio, and a completed one never waits again.
        origin=case((bindparam("b_state") == literal_column("'COMPLETED'"), ""), else_=tasks.c.origin),
    )
    .returning(tasks.c.started_at)
)
RERUN = (
    update(tasks)
    .where(_HOLDS, _UNDER_WAY)
    .values(state="IN_PROGRESS", attempts=tasks.c.attempts + 1, fence=tasks.c.fence + 1, feedback=bindparam("feedback"))
    .returning(*CLAIMED)
)
OF_PLAN = select(tasks.c.id).where(tasks.c.plan_id == bindparam("id"), _SEEN).order_by(tasks.c.id.desc())
CONTINUE_LATER = update(tasks).where(tasks.c.id == bindparam("b_id")).values(continuation=bindparam("b_tasks"))
FORGET_ANSWERS = delete(model_answers).where(model_answers.c.task_id.in_(listed("b_tasks")))
ASK_TO_CANCEL = update(tasks).where(tasks.c.id == bindparam("b_id")).values(cancelling=True)

RELEASE_DEPENDENTS = (
    update(tasks)
    .where(tasks.c.id.in_(select(dependencies.c.task_id).where(dependencies.c.needs_id == bindparam("b_id"))))
    .values(waiting=tasks.c.waiting - 1)
)
_afterwards = and_(dependencies.c.ended.is_(True), dependencies.c.needs_id.in_(listed("b_ids")))
_those_after = select(dependencies.c.task_id).where(_afterwards)
_number = select(func.count()).where(_afterwards, dependencies.c.task_id == tasks.c.id).scalar_subquery()
RELEASE_AFTER = update(tasks).where(tasks.c.id.in_(_those_after)).values(waiting=tasks.c.waiting - _number)
"""Some tasks have ended without a result."""
HOLD_AFTER = update(tasks).where(tasks.c.id.in_(_those_after)).values(waiting=tasks.c.waiting + _number)
"""Some tasks that had ended without a result will run again."""
_for_result = dependencies.c.ended.is_(False)
_direct = select(dependencies.c.task_id).where(dependencies.c.needs_id == bindparam("b_id"), _for_result)
_waiting = _direct.cte("waiting", recursive=True)
_waiting = _waiting.union(
    select(dependencies.c.task_id).where(dependencies.c.needs_id == _waiting.c.task_id, _for_result)
)
BLOCK_WAITING = (
    update(tasks)
    .where(tasks.c.id.in_(select(_waiting.c.task_id)), _is("PENDING"))
    .values(state="BLOCKED", reason=bindparam("b_reason"), error=bindparam("b_error"), finished_at=bindparam("b_now"))
    .returning(tasks.c.id)
)
DEPENDENTS = (
    select(tasks)
    .join(dependencies, dependencies.c.task_id == tasks.c.id)
    .where(dependencies.c.needs_id == bindparam("id"), _for_result)
)
NEEDED = (
    select(tasks)
    .join(dependencies, dependencies.c.needs_id == tasks.c.id)
    .where(dependencies.c.task_id == bindparam("id"), _for_result)
)

JOBS_STARTED = update(jobs).where(jobs.c.id.in_(listed("b_jobs"))).values(started_at=bindparam("now"))
JOB_PLANNED = update(jobs).where(jobs.c.id == bindparam("b_id")).values(started_at=bindparam("b_now"))
"""Until its run starts, a job has a start only while it is planned, if that may end its studio."""
JOBS_ENDED = (
    update(jobs).where(jobs.c.id.in_(listed("b_jobs"))).values(ended_at=bindparam("now"), outcome=bindparam("outcome"))
)
JOB_OF_TASK_ENDED = (
    update(jobs)
    .where(jobs.c.task_id == bindparam("b_task"), jobs.c.fence == bindparam("b_fence"), jobs.c.ended_at.is_(None))
    .values(ended_at=bindparam("now"), outcome=bindparam("outcome"))
)
RENEW = (
    update(jobs)
    .where(jobs.c.studio == bindparam("b_studio"), jobs.c.ended_at.is_(None))
    .values(lease_until=bindparam("until"))
)
_CURRENT = and_(jobs.c.task_id == tasks.c.id, jobs.c.fence == tasks.c.fence, jobs.c.ended_at.is_(None))
LOST = (
    select(
        tasks.c.id,
        tasks.c.fence,
        jobs.c.apart,
        (jobs.c.lease_until - bindparam("lease") > jobs.c.started_at + AT_ONCE_SECONDS).label("outlived"),
        and_(_is("ASSIGNED"), jobs.c.started_at.is_not(None)).label("planned"),
    )
    .join(jobs, _CURRENT)
    .where(
        _HAS_JOB,
        or_(
            jobs.c.studio.in_(bindparam("dead", expanding=True)),
            and_(jobs.c.lease_until < bindparam("now"), jobs.c.studio != bindparam("studio")),
        ),
    )
)
OPEN_JOBS = (
    select(jobs.c.id, tasks.c.id, tasks.c.fence)
    .join(tasks, _CURRENT)
    .where(jobs.c.studio == bindparam("studio"), _HAS_JOB)
)
HELD_BY = select(jobs.c.id).join(tasks, _CURRENT).where(jobs.c.studio == bindparam("studio"), ~tasks.c.cancelling)


@lru_cache(maxsize=256)  # making them takes longer than some of the queries that they are for
def owned(reach: Reach) -> tuple[ColumnElement[bool], ...]:
    """The conditions for the tasks within a reach. They fit the indexes of owners and projects."""
    foreign = tasks.c.owner != literal_column(f"'{LOCAL_OWNER}'")
    partial = ([foreign] if reach.owner not in (None, LOCAL_OWNER) else []) + (
        [NAMED_PROJECT] if reach.project not in (None, DEFAULT_PROJECT) else []
    )
    return *within(reach, tasks), *partial


@lru_cache(maxsize=256)
def newest(reach: Reach) -> Select[Any]:
    """The query of the newest tasks within a reach, at most `most`."""
    return select(*TASK).where(*owned(reach)).order_by(tasks.c.id.desc()).limit(bindparam("most"))


def new_task(task_id: str, now: float, options: TaskOptions) -> dict[str, Any]:
    """The columns of a new task."""
    return {
        "id": task_id,
        "project": options.project,
        "state": "PENDING",
        "priority": options.priority,
        "retries": options.retries,
        "strict": options.strict,
        "cache": options.cache,
        "reviewer": options.reviewer,
        "attempts": 0,
        "deliveries": 0,
        "deaths": 0,
        "available_at": 0.0,
        "fence": 0,
        "cancelling": False,
        "percent": 0.0,
        "message": "",
        "created_at": now,
    }
