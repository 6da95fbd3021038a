"""How many tasks there are and how long their runs took, for metrics."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import bindparam, case, func, select

from avstudio_core.storage.database import Database
from avstudio_core.storage.tables import events, tasks
from avstudio_core.tasks.events import event_log
from avstudio_core.tasks.queue.statements import UNFINISHED

BOUNDS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0)
"""The upper bounds of the buckets of durations, in seconds."""
OUTCOMES = {"task.completed": "completed", "task.failed": "failed", "task.blocked": "blocked"}
_seconds = func.coalesce(tasks.c.finished_at - tasks.c.started_at, 0.0)
_buckets = [func.sum(case((_seconds <= bound, 1), else_=0)) for bound in BOUNDS]
ENDED = (
    select(tasks.c.processor, events.c.type, func.count(), func.sum(_seconds), *_buckets)
    .join(tasks, tasks.c.id == events.c.subject)
    .where(events.c.seq > bindparam("after"), events.c.seq <= bindparam("upto"), events.c.type.in_([*OUTCOMES]))
    .group_by(tasks.c.processor, events.c.type)
)
_by_state = tasks.c.processor, tasks.c.state
OPEN = select(*_by_state, func.count()).where(UNFINISHED).group_by(*_by_state)


class EndedRuns(NamedTuple):
    """Runs of a processor that ended in the same way: their number, and how long they took together."""

    processor: str
    outcome: str
    number: int
    seconds: float
    within: tuple[int, ...]
    """How many took no longer than each of `BOUNDS`."""


def ended(database: Database, after: int | None) -> tuple[int, list[EndedRuns]]:
    """The runs that ended after an event, and the number of the newest event; with `None`, only that number."""
    upto = event_log.newest(database)
    if after is None or after >= upto:
        return upto, []
    with database.read() as connection:
        found = connection.execute(ENDED, {"after": after, "upto": upto}).all()
    return upto, [EndedRuns(row[0], OUTCOMES[row[1]], row[2], row[3], tuple(row[4:])) for row in found]


def unfinished(database: Database) -> list[tuple[str, str, int]]:
    """The number of tasks that have not completed, by processor and state."""
    with database.read() as connection:
        return [(processor, state, count) for processor, state, count in connection.execute(OPEN)]
