"""Waiters for the ends of tasks, with one reader for all of them."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from itertools import chain

from sqlalchemy import bindparam, func, or_, select

from avstudio_core.errors import AVStudioError, NotFound, StorageError
from avstudio_core.reach import Reach
from avstudio_core.storage.database import Database
from avstudio_core.storage.expressions import listed
from avstudio_core.storage.queries import rows
from avstudio_core.storage.tables import events, tasks
from avstudio_core.tasks.events.bell import FOREIGN_SECONDS, Bell
from avstudio_core.tasks.queue import statements
from avstudio_core.tasks.states import ENDED
from avstudio_core.tasks.task import Task

LOG = logging.getLogger(__name__)

FAILURES = 25
"""How many queries for tasks of other studios may fail in a row before the waiters get the error: about 5 s."""
MOST = 500
"""The most tasks in one query."""
DELETED_SECONDS = 2.0
"""How often to look whether tasks that are waited for were deleted, which leaves no event; `MOST` at a time."""
_asked = tasks.c.id.in_(listed("ids"))
ENDED_TASKS = select(*statements.TASK).where(_asked, or_(*(tasks.c.state == str(state) for state in sorted(ENDED))))
NEWEST = select(func.coalesce(func.max(events.c.seq), 0))
_ends = or_(*(events.c.type == f"task.{end}" for end in ("completed", "failed", "blocked")))
ENDED_SINCE = select(events.c.seq, events.c.subject).where(events.c.seq > bindparam("seq"), _ends)
KNOWN = select(tasks.c.id, tasks.c.owner, tasks.c.project).where(_asked)


class Waiter(Future[Task]):
    """Waits for a task within a reach."""

    def __init__(self, reach: Reach) -> None:
        super().__init__()
        self.reach = reach


class Waiting:
    """Delivers ended tasks to their waiters."""

    def __init__(self, database: Database, bell: Bell) -> None:
        self._database = database
        self._listener = bell.listen(())
        self._futures: dict[str, list[Waiter]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._failures = 0
        """The queries that failed in a row."""
        self._turn = 0
        """The place of the next task that is looked at without an event."""

    def ended(self, task_id: str, reach: Reach) -> Future[Task]:
        """A future for the task when it has ended; it raises `NotFound` for one that is unknown, or beyond reach."""
        future = Waiter(reach)
        with self._lock:
            if self._closed:
                raise StorageError("The studio is closed.")
            self._futures.setdefault(task_id, []).append(future)
            future.add_done_callback(lambda _: self._gave_up(task_id, future))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="waiting", daemon=True)
                self._thread.start()
        self._listener.add(task_id)
        self._listener.hear(task_id)  # it may already have ended
        return future

    def give_up(self, error: AVStudioError) -> None:
        """Make all current waiters fail with an error."""
        self._fail(list(self._futures), error)

    def close(self) -> None:
        """Make all waiters fail, because the studio is closed."""
        with self._lock:
            self._closed = True
        self._listener.hear("")
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            left, self._futures = self._futures, {}
        self._listener.leave()
        error = StorageError("The studio was closed before the task ended.")
        for future in chain.from_iterable(left.values()):
            if future.set_running_or_notify_cancel():
                future.set_exception(error)

    def _run(self) -> None:
        seq, looked, all_looked = self._newest(), time.monotonic(), time.monotonic()
        while not self._closed:
            idle = not self._futures
            rung = self._listener.wait(None if idle else FOREIGN_SECONDS)
            if idle:  # new waiters find the tasks that ended until now
                seq = self._newest()
            elif time.monotonic() >= looked + FOREIGN_SECONDS:
                looked = time.monotonic()
                seq, ended = self._ended_since(seq)
                rung |= ended
            if not idle and time.monotonic() >= all_looked + DELETED_SECONDS:
                all_looked = time.monotonic()
                rung |= self._some()
            wanted = [task_id for task_id in rung if task_id in self._futures]
            for start in range(0, len(wanted), MOST):
                if not self._closed:
                    self._bring(wanted[start : start + MOST])

    def _some(self) -> set[str]:
        """The next tasks that are waited for: some of them may have been deleted."""
        names = list(self._futures)
        self._turn = self._turn + MOST if self._turn + MOST < len(names) else 0
        return {*names[self._turn : self._turn + MOST]}

    def _newest(self) -> int:
        with contextlib.suppress(AVStudioError), self._database.read() as connection:
            ((seq,),) = rows(connection, NEWEST, {})
            return int(seq)
        return 0

    def _ended_since(self, seq: int) -> tuple[int, set[str]]:
        """The tasks that have ended in any studio since an event, and the newest event."""
        try:
            with self._database.read() as connection:
                found = rows(connection, ENDED_SINCE, {"seq": seq})
        except AVStudioError as error:
            self._failed(error)
            return seq, set()
        self._failures = 0
        return max((one for one, _ in found), default=seq), {task_id for _, task_id in found}

    def _failed(self, error: AVStudioError) -> None:
        """Log the first failure in a row; when it does not pass, give it to all who wait."""
        self._failures += 1
        if self._failures == 1:
            LOG.warning("Tasks that other studios end cannot be read: %s", error)
        if self._failures >= FAILURES:
            self._fail(list(self._futures), error)

    def _bring(self, task_ids: list[str]) -> None:
        try:
            ended, living = self._look(task_ids)
        except AVStudioError as error:
            self._fail(task_ids, error)
            return
        known = {task.id: (task.owner, task.project) for task in ended} | living
        for task_id in task_ids:
            self._refuse(task_id, known.get(task_id))
        for task in ended:
            for future in self._pop(task.id):
                future.set_result(task)

    def _refuse(self, task_id: str, place: tuple[str, str] | None) -> None:
        """Fail those who wait for an unknown task, or for one whose owner and project are beyond their reach."""
        with self._lock:
            waiting = self._futures.get(task_id, ())
            refused = [one for one in waiting if place is None or not one.reach.sees(*place)]
        error = NotFound(f"No task has the id '{task_id}'.", hint="See the list of tasks.")
        for future in refused:  # another thread may just have given it an error
            if self._remove(task_id, future) and future.set_running_or_notify_cancel():
                future.set_exception(error)

    def _look(self, task_ids: list[str]) -> tuple[list[Task], dict[str, tuple[str, str]]]:
        """Those of some tasks that have ended, and the owners and projects of the others that are known."""
        with self._database.read() as connection:
            found = rows(connection, ENDED_TASKS, {"ids": json.dumps(task_ids)})
            ended = [Task.from_row(dict(zip(Task.model_fields, row, strict=True))) for row in found]
            left = set(task_ids) - {task.id for task in ended}
            known = rows(connection, KNOWN, {"ids": json.dumps([*left])}) if left else []
        return ended, {task_id: (owner, project) for task_id, owner, project in known}

    def _fail(self, task_ids: Iterable[str], error: AVStudioError) -> None:
        for task_id in task_ids:
            for future in self._pop(task_id):
                future.set_exception(error)

    def _gave_up(self, task_id: str, future: Waiter) -> None:
        """Remove a waiter that has stopped waiting."""
        if future.cancelled():
            self._remove(task_id, future)

    def _remove(self, task_id: str, future: Waiter) -> bool:
        """Remove a waiter; return whether it was there."""
        with self._lock:
            left = self._futures.get(task_id, [])
            if found := future in left:
                left.remove(future)
            gone = not left and self._futures.pop(task_id, None) is not None
        if gone:
            self._listener.remove(task_id)
        return found

    def _pop(self, task_id: str) -> list[Waiter]:
        """The waiters of a task that are still waiting."""
        with self._lock:
            futures = self._futures.pop(task_id, [])
        self._listener.remove(task_id)
        return [future for future in futures if future.set_running_or_notify_cancel()]
