"""The log of events, in the order of their commits."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from pydantic_core import PydanticSerializationError, to_json
from sqlalchemy import Integer, Select, and_, bindparam, case, func, insert, literal_column, or_, select

from avstudio_core.events import Event
from avstudio_core.reach import Reach
from avstudio_core.storage.database import Database, Transaction
from avstudio_core.storage.expressions import listed
from avstudio_core.storage.queries import rows
from avstudio_core.storage.tables import events, tasks
from avstudio_core.tasks.events.event_filter import EventFilter, Row

PAGE = 1000
"""The most events that one query reads."""
FIRST_PAGE = 100
"""The most events that the first query for a reader reads, which may not want more."""
ADD = insert(events)
PUBLISH = insert(events).returning(events.c.seq)
NEWEST = select(func.coalesce(func.max(events.c.seq), 0))
_owner = func.coalesce(events.c.owner, tasks.c.owner, "")
_project = func.coalesce(events.c.project, tasks.c.project)
"""An event about a task is not stored with an owner, a project, a plan and a result: it has those of the task."""
_own = or_(events.c.owner.is_(None), events.c.owner == tasks.c.owner)
"""An event that an owner publishes about the task of another one says nothing about that task."""
_result = case((events.c.type == literal_column("'task.completed'"), tasks.c.result))
"""A completed task keeps its result until it is deleted, and its events with it."""


def add(transaction: Transaction, task_id: str, kind: str, now: float, **data: Any) -> None:
    """Store an event about a task in the transaction; it gets its number at the commit.

    The task's id and its result are in the task's row: they become part of the data when the event is read.
    """
    transaction.later(ADD, {"subject": task_id, "time": now, "type": kind, "data": written(data)})


def written(data: dict[str, Any]) -> str:
    """The data of an event as JSON, written in a sixth of the time that the standard library takes."""
    try:
        return to_json(data).decode()
    except PydanticSerializationError:  # text that is not valid in UTF-8
        return json.dumps(data, separators=(",", ":"))


def publish(transaction: Transaction, kind: str, subject: str, data: str, whose: Reach, now: float) -> int:
    """Store an event about any subject; return its number."""
    values = {"subject": subject, "time": now, "type": kind, "data": data, **whose._asdict()}
    ((seq,),) = transaction.run(PUBLISH, values).fetchall()
    return int(seq)


def newest(database: Database) -> int:
    """The number of the newest event."""
    with database.read() as connection:
        ((seq,),) = rows(connection, NEWEST, {})
    return int(seq)


def page(database: Database, wanted: EventFilter, seq: int, most: int = PAGE) -> list[Event]:
    """The first events that a filter accepts with a number above `seq`."""
    return [event(row) for row in _found(database, wanted.values, seq, most)]


def tail(database: Database, seq: int) -> list[Row]:
    """The first events with a number above `seq`, at most `PAGE`."""
    return _found(database, {}, seq, PAGE)


def event(row: Row) -> Event:
    """The event in a row of the log."""
    data = json.loads(row.data)
    if row.result is not None:
        data = {"result": json.loads(row.result), **data}
    if row.of_task:
        data = {"task_id": row.subject, **data}
    whose = {"owner": row.owner, "project": row.project, "plan": row.plan}
    return Event(seq=row.seq, time=row.time, subject=row.subject, type=row.type, data=data, **whose)


def _found(database: Database, conditions: dict[str, Any], seq: int, most: int) -> list[Row]:
    with database.read() as connection:
        found = rows(connection, _query(frozenset(conditions)), {"seq": seq, "most": most, **conditions})
    return [Row._make(row) for row in found]


@lru_cache(maxsize=16)
def _query(conditions: frozenset[str]) -> Select[Any]:
    """The query of a page with some of the conditions of a filter."""
    of_task = events.outerjoin(tasks, and_(tasks.c.id == events.c.subject, _own))
    columns = [events.c[name] for name in ("seq", "time", "subject", "type", "data")]
    query = select(*columns, _owner, _project, tasks.c.plan_id, events.c.owner.is_(None), _result).select_from(of_task)
    # An index of the subjects serves better than that of the numbers, which `+ 0` rules out.
    few = not conditions.isdisjoint(("subjects", "plan"))
    query = query.where((events.c.seq + 0 if few else events.c.seq) > bindparam("seq"))
    if "subjects" in conditions:
        query = query.where(events.c.subject.in_(listed("subjects")))
    if "plan" in conditions:
        steps = select(tasks.c.id).where(tasks.c.plan_id == bindparam("plan"))
        query = query.where(events.c.subject.in_(steps.union_all(select(bindparam("plan")))))
    if "owner" in conditions:
        query = query.where(_owner == bindparam("owner"))
    if "project" in conditions:
        query = query.where(_project == bindparam("project"))
    if "types" in conditions:
        query = query.where(events.c.type.in_(listed("types")))
    return query.order_by(events.c.seq).limit(bindparam("most", type_=Integer))
