"""The last steps of a run: those that run after others ended, however, such as one that words the answer."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, exists, select

from avstudio_core.chat import Account
from avstudio_core.storage.database import Transaction
from avstudio_core.storage.tables import dependencies, tasks

KEPT = 10
"""A tenth of a run's money and tokens is kept for them."""
LAST_SECONDS = 60.0
"""How long each of them may take if the time of its run is over, in seconds."""
_last = exists().where(dependencies.c.task_id == tasks.c.id, dependencies.c.ended.is_(True))
IS_LAST = select(tasks.c.id).where(tasks.c.id == bindparam("id"), _last)
TO_COME = select(tasks.c.id).where(tasks.c.run_id == bindparam("run"), tasks.c.finished_at.is_(None), _last)


def is_last(reading: Transaction | Connection, task_id: str) -> bool:
    """Whether a task is a last step of its run."""
    return reading.execute(IS_LAST, {"id": task_id}).first() is not None


def kept(reading: Transaction | Connection, account: Account) -> bool:
    """Whether a call may not use what is kept: last steps are to come, and none of them makes it."""
    if account.run is None:
        return False
    to_come = {*reading.execute(TO_COME, {"run": account.run}).scalars()}
    return bool(to_come) and account.task not in to_come
