"""A stale worker changes nothing, and a crash while publishing leaves nothing partial or duplicate."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from avstudio_core import Studio
from avstudio_core.artifact import Artifact, new_id
from avstudio_core.storage.folder.store import FolderStore
from avstudio_core.storage.sqlite.database import Database
from avstudio_core.storage.sqlite.schema import open_database
from avstudio_core.storage.sweep import check
from avstudio_core.storage.tables import artifacts
from avstudio_core.tasks.queue.queue import Queue
from avstudio_core.tasks.queue.queue_types import Claim, Finished, NewTask, Rules, Wanted
from avstudio_core.tasks.queue.takeover import MOST_DEATHS
from avstudio_core.tasks.task import Problem, TaskOptions

CONTENT = b"what the stale worker made"
LATE: dict[str, Callable[[Queue, Claim, Finished], object]] = {
    "start": lambda queue, claim, done: queue.start(claim).result(),
    "progress": lambda queue, claim, done: queue.progress(claim, 50.0, "half"),
    "finish": lambda queue, claim, done: queue.finish(claim, done).result(),
    "from the cache": lambda queue, claim, done: queue.finish_from_cache(claim, done).result(),
    "rerun": lambda queue, claim, done: queue.rerun(claim, "poor").result(),
    "fail": lambda queue, claim, done: queue.fail(claim, Problem(code="broke", message="no")).result(),
    "lose": lambda queue, claim, done: queue.lose(
        claim.task_id, claim.fence, Problem(code="lost", message="")
    ).result(),
    "hand back": lambda queue, claim, done: queue.hand_back(claim).result(),
}
"""What a worker may report of a task that another has by now."""


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(tmp_path)
    yield database
    database.close()


@pytest.fixture
def done(store: FolderStore) -> Finished:
    """A file that a worker has staged, ready to be published."""
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    folder = store.folder("job_stale")
    (folder / sha256).write_bytes(CONTENT)
    made = Artifact(id=new_id("art"), name="x", sha256=sha256, size=len(CONTENT), media_type="text/plain")
    return Finished("{}", [made], folder, cache_key="key")


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("late", LATE)
def test_a_report_of_a_stale_worker_changes_nothing(
    database: Database, store: FolderStore, done: Finished, late: str, begun: bool
) -> None:
    """Its lease ran out, another studio has the task, whether its run has begun or not."""
    hung, other = (Queue(database, store, Rules(name, lease_seconds=-1.0)) for name in ("studio_a", "studio_b"))
    hung.submit("plan", [NewTask("task_1", "step", "a.one", "{}", None)], TaskOptions())
    (stale,) = hung.claim(Wanted(1, ["a.one"]))
    assert hung.start(stale).result()
    assert other.reap([]) == ["task_1"]
    (good,) = other.claim(Wanted(1, ["a.one"]))
    assert not begun or other.start(good).result()
    before = state_of(database, "task_1")
    assert not LATE[late](hung, stale, done)
    database.write(lambda transaction: None)  # progress is not waited for; this comes after it
    assert state_of(database, "task_1") == before
    with database.read() as connection:
        assert connection.execute(select(artifacts)).all() == []
    assert begun or other.start(good).result()
    assert other.finish(good, done).result()


def test_a_task_whose_earlier_result_was_removed_meanwhile_goes_back_to_the_queue(
    database: Database, store: FolderStore
) -> None:
    queue = Queue(database, store, Rules("studio_a"))
    queue.submit("plan", [NewTask("task_1", "step", "a.one", "{}", None)], TaskOptions())
    (claim,) = queue.claim(Wanted(1, ["a.one"]))
    queue.finish_from_cache(claim, Finished("{}", cache_key="removed", cache_hit=True)).result()
    assert queue.get("task_1").state == "PENDING"


@pytest.mark.parametrize(("apart", "lives", "most"), [(False, 60.0, 3), (True, 1.0, MOST_DEATHS), (True, 60.0, None)])
def test_deaths_of_studios_count_where_the_run_may_be_their_reason(
    database: Database, store: FolderStore, apart: bool, lives: float, most: int | None
) -> None:
    """In the studio's own process each does; in a process apart those that come soon after the run began."""
    now = [1000.0]
    dying, other = (Queue(database, store, Rules(name), lambda: now[0]) for name in ("studio_a", "studio_b"))
    dying.submit("plan", [NewTask("task_1", "step", "a.one", "{}", None)], TaskOptions())
    for run in range(1, 3 * MOST_DEATHS):
        (claim,) = dying.claim(Wanted(1, ["a.one"], apart=apart))
        assert dying.start(claim).result()
        now[0] += lives
        dying.renew()
        other.reap(["studio_a"])
        ended = dying.get("task_1").state == "FAILED"
        assert ended == (run == most)
        if ended:
            return
    assert most is None


def state_of(database: Database, task_id: str) -> list[tuple[object, ...]]:
    """Every row that says something of a task."""
    found: list[tuple[object, ...]] = []
    with database.read() as connection:
        for table in ("tasks WHERE id", "jobs WHERE task_id", "events WHERE subject", "artifacts WHERE task_id"):
            found += map(tuple, connection.exec_driver_sql(f"SELECT * FROM {table} = '{task_id}'").all())
    return found


CRASHING = """
import os, signal, sys
from pathlib import Path
from avstudio_core import Studio
from avstudio_core.testing import exercises

home, source, when = sys.argv[1:]
link = os.link

def die_at_link(staged, target, **options):
    if when == "after":
        link(staged, target, **options)
    os.kill(os.getpid(), signal.SIGKILL)

with Studio(home=home, add=[exercises], plugins="", executor="inline") as studio:
    source = studio.take_in(source)
    os.link = die_at_link
    studio.run("exercise.copy", source, suffix="!")
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_while_a_file_is_linked_publishes_nothing(
    open_studio: Callable[..., Studio], tmp_path: Path, when: str
) -> None:
    """The rows that name a file are committed after it is in its place: no earlier, and not without it."""
    (tmp_path / "letter.txt").write_text("Dear")
    given = [str(tmp_path / "home"), str(tmp_path / "letter.txt"), when]
    ended = subprocess.run([sys.executable, "-c", CRASHING, *given], timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    studio = open_studio()
    (task,) = studio.tasks.find()
    with studio._database.read() as connection:
        recorded = connection.execute(select(artifacts.c.sha256).where(artifacts.c.task_id == task.id)).all()
    assert str(task.state) in ("ASSIGNED", "IN_PROGRESS")  # its start may not be stored yet
    assert recorded == []
    studio.start()
    assert studio.handle(task.id).result(30).copied.path.read_text() == "Dear!"
    assert list(check(studio._database, studio._store)) == []


@pytest.mark.parametrize("size", [100, 3 << 20])
def test_a_file_is_synced_before_it_is_published(
    open_studio: Callable[..., Studio], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """A hard link is the same file: its number tells it from all others that are synced."""
    fsync, synced = os.fsync, set()

    def noting(descriptor: int) -> None:
        fsync(descriptor)
        synced.add(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", noting)
    (tmp_path / "letter.txt").write_bytes(b"x" * size)
    studio = open_studio()
    source = studio.take_in(tmp_path / "letter.txt")
    made = studio.run("exercise.copy", source, suffix="!").copied
    for artifact in (source, made):
        assert artifact.path.stat().st_ino in synced
        assert artifact.path.parent.stat().st_ino in synced
