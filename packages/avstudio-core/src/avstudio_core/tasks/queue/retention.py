"""What a studio removes by itself: old work, work beyond the size of the store, and old events of progress."""

from __future__ import annotations

import time

from sqlalchemy import and_, bindparam, delete, exists, func, select

from avstudio_core.errors import InUse
from avstudio_core.settings import Settings
from avstudio_core.storage.database import Database
from avstudio_core.storage.tables import artifacts, events, tasks
from avstudio_core.tasks.queue.removal import PORTION, Removal
from avstudio_core.tasks.queue.removal_statements import GOES_ON, LIVES

RETENTION_SECONDS = 3600.0
"""How often to look for old work."""
SETTLED_SECONDS = 5.0
"""A studio that lives shorter, as for a short command, does not look through the events, and keeps no reserve."""
DAY = 86400.0
BRIEF = ("task.progress", "llm.token")
"""The types of events that are of use only while a task runs; those of ended tasks are removed after a day."""
EVENTS = 20_000
"""The range of event numbers that one look covers."""
_content = select(artifacts.c.sha256, artifacts.c.size).distinct().subquery()
STORED = select(func.coalesce(func.sum(_content.c.size), 0))
_made = func.coalesce(func.sum(artifacts.c.size), 0)
OLDEST_PLANS = (
    select(tasks.c.plan_id, _made)
    .outerjoin(artifacts, artifacts.c.task_id == tasks.c.id)
    .where(tasks.c.finished_at < bindparam("before"), ~GOES_ON)
    .group_by(tasks.c.plan_id)
    .order_by(func.max(tasks.c.finished_at))
    .limit(PORTION)
)
_range = and_(events.c.seq > bindparam("after"), events.c.seq <= bindparam("upto"))
LAST = select(events.c.time).where(_range).order_by(events.c.seq.desc()).limit(1)
BOUNDS = select(select(func.min(events.c.seq)).scalar_subquery(), select(func.max(events.c.seq)).scalar_subquery())
"""Two look-ups in the index; one query for both would read the whole table."""
_living = exists().where(tasks.c.id == events.c.subject, LIVES)
PASSED = and_(_range, events.c.type.in_(BRIEF), events.c.time < bindparam("before"), ~_living)


class Retention:
    """One studio's share of the removal; each call does a portion."""

    def __init__(self, database: Database, removal: Removal, settings: Settings) -> None:
        self._database = database
        self._removal = removal
        self._settings = settings
        self._next = 0.0
        self._settled = time.monotonic() + SETTLED_SECONDS
        self._seen = 0
        """The number of the last event that was looked at."""

    def patrol(self) -> None:
        """Remove a portion of what is too old or too much, if it is time to look; keep room for removals."""
        clock, now = time.monotonic(), time.time()
        if clock < self._next:
            return
        if self._by_age(now) or self._by_size(now):
            self._next = clock
        elif clock < self._settled:
            self._next = self._settled
        else:
            self._removal.reserve.keep()
            self._next = clock + (0.0 if self.events(now - DAY) else RETENTION_SECONDS)

    def _by_age(self, now: float) -> bool:
        days = self._settings.keep_days
        return bool(days) and self.old(now - days * DAY) > 0

    def _by_size(self, now: float) -> bool:
        size = self._settings.keep_mb
        return bool(size) and self.beyond(size << 20, now) > 0

    def old(self, before: float) -> int:
        """Remove up to `PORTION` plans of which every task ended before a time; return how many there were."""
        return self._remove(self._removal.ended(before, PORTION))

    def beyond(self, size: int, now: float) -> int:
        """Remove plans that ended, the oldest first, until the store has at most so many bytes, or `PORTION` of them.

        Return how many plans there were.
        """
        with self._database.read() as connection:
            excess = connection.execute(STORED).scalar_one() - size
            if excess <= 0:
                return 0
            plans = connection.execute(OLDEST_PLANS, {"before": now}).all()
        found = []
        for plan_id, made in plans:
            if excess <= 0:
                break
            found.append(plan_id)
            excess -= made
        return self._remove(found)

    def events(self, before: float) -> bool:
        """Remove events of progress and tokens in the next range of numbers; return whether more events follow."""
        with self._database.read() as connection:
            first, last = connection.execute(BOUNDS).one()
            if last is None or last <= self._seen:
                return False
            after = max(self._seen, first - 1)
            values = {"after": after, "upto": min(after + EVENTS, last), "before": before}
            newest = connection.execute(LAST, values).scalar()
            passed = connection.execute(select(events.c.seq).where(PASSED).limit(1), values).first()
        if passed is not None:
            self._database.write(lambda transaction: transaction.execute(delete(events).where(PASSED), values))
        if newest is not None and newest >= before:  # this range is looked at again, when all of it is old
            return False
        self._seen = values["upto"]
        return True

    def _remove(self, plan_ids: list[str]) -> int:
        try:
            if plan_ids:
                self._removal.plans(plan_ids)
        except InUse:  # one of them was retried in the meantime
            return 0
        return len(plan_ids)
