"""What users delete goes with its events and content, and nothing that a living task needs."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import update

from avstudio_core import Artifact, Handle, Principal, Studio, TaskOptions
from avstudio_core.errors import InUse, NotFound
from avstudio_core.events import Event
from avstudio_core.reach import ALL
from avstudio_core.storage.database import Transaction
from avstudio_core.storage.sweep import check
from avstudio_core.storage.tables import tasks
from avstudio_core.tasks.events.event_filter import EventFilter
from avstudio_core.tasks.events.event_log import page
from avstudio_core.tasks.queue import removal, task_events, waiters

OpenStudio = Callable[..., Studio]
PATIENCE = 30.0


@pytest.fixture
def studio(open_studio: OpenStudio, copying: ModuleType) -> Studio:
    return open_studio(copying)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_text("a")
    return path


def events_of(studio: Studio, task_id: str) -> list[Event]:
    return page(studio._database, EventFilter.of(task_id), 0)


def awaiting(studio: Studio, source: Path | Artifact, **params: object) -> str:
    """A task that waits for a person, and so has not ended."""
    handle = studio.submit("text.copy", source, options=TaskOptions(reviewer="person"), **params)  # type: ignore[arg-type]
    while not handle.task().waits_for_person:
        time.sleep(0.01)
    return handle.task_id


def test_a_deleted_task_goes_with_its_events_and_files(studio: Studio, text: Path) -> None:
    handle = studio.submit("text.copy", text, text="b")
    made = handle.result(PATIENCE).made
    assert studio.tasks.delete(handle.task_id) == (1, 2, 3)
    assert studio.tasks.find() == []
    assert events_of(studio, handle.task_id) == []
    assert list(studio._store.stored()) == []
    assert list(studio._store.leftovers()) == []
    with pytest.raises(NotFound):
        studio.artifact(made.id)


def test_content_stays_as_long_as_one_file_has_it(studio: Studio, text: Path) -> None:
    one, other = studio.take_in(text), studio.take_in(text)
    assert studio.delete_artifact(one.id) == (0, 1, 0)
    studio._store.verify(other.sha256)
    assert studio.delete_artifact(other.id) == (0, 1, 1)
    assert list(studio._store.stored()) == []


def test_a_task_that_has_not_ended_is_kept(studio: Studio, text: Path) -> None:
    name = awaiting(studio, text)
    with pytest.raises(InUse, match=f"'{name}' has not ended"):
        studio.tasks.delete(name)
    studio.tasks.accept(name)
    assert studio.tasks.delete(name).tasks == 1


@pytest.mark.parametrize("how", ["source", "parameter", "list"])
def test_a_file_that_a_living_task_reads_is_kept(studio: Studio, text: Path, how: str) -> None:
    made = studio.run("text.copy", text, text="b").made
    given = {"source": {}, "parameter": {"beside": made}, "list": {"others": [made]}}[how]
    name = awaiting(studio, made if how == "source" else text, text="c", **given)
    with pytest.raises(InUse, match=name):
        studio.delete_artifact(made.id)
    studio.tasks.accept(name)
    assert studio.delete_artifact(made.id).files == 1


def test_a_step_is_kept_while_a_later_step_of_its_plan_lives(studio: Studio, text: Path) -> None:
    plan = studio.submit_plan("text.copy text=b | text.copy text=c", text, options=TaskOptions(reviewer="person"))
    first, second = (handle.task_id for handle in plan.steps.values())
    while not studio.tasks.get(first).waits_for_person:
        time.sleep(0.01)
    studio.tasks.accept(first)
    made = studio.result_of(studio.tasks.get(first)).made
    with pytest.raises(InUse, match=second):
        studio.tasks.delete(first)
    with pytest.raises(InUse, match=second):
        studio.delete_artifact(made.id)
    plan_id = studio.tasks.get(first).plan_id
    with pytest.raises(InUse):
        studio.tasks.delete_plan(plan_id)
    while not studio.tasks.get(second).waits_for_person:
        time.sleep(0.01)
    studio.tasks.accept(second)
    assert studio.tasks.delete_plan(plan_id).tasks == 2
    assert studio.tasks.plans.find() == []
    assert list(studio._store.stored()) == []


def test_a_result_without_its_file_does_not_answer_other_tasks(studio: Studio, text: Path, tmp_path: Path) -> None:
    made = studio.run("text.copy", text, text="b").made
    (tmp_path / "ab.txt").write_text("ab")
    studio.take_in(tmp_path / "ab.txt")  # the same content, so it stays in the store
    studio.delete_artifact(made.id)
    again = studio.run("text.copy", text, text="b")
    assert not again.cache_hit
    assert studio.artifact(again.made.id).path.read_text() == "ab"


def test_a_users_file_is_deleted_by_its_path(studio: Studio, text: Path, tmp_path: Path) -> None:
    studio.run("text.copy", text, text="b")
    studio.take_in(text, project="other")
    assert studio.media.delete_path(str(text)) == (0, 2, 1)
    assert [studio._store.path(one).read_text() for one in studio._store.stored()] == ["ab"]
    odd = tmp_path / os.fsdecode(b"\xff.txt")
    odd.write_text("odd")
    studio.take_in(odd)
    assert studio.media.page(path=str(odd)).items
    assert studio.media.delete_path(str(odd)).files == 1


def test_a_project_is_deleted_with_its_tasks_and_files(studio: Studio, text: Path) -> None:
    for project in ("one", "two"):
        studio.submit("text.copy", text, text=project, options=TaskOptions(project=project)).result(PATIENCE)
    assert studio.projects.delete("one").tasks == 1
    assert {task.project for task in studio.tasks.find()} == {"two"}
    assert sorted(studio._store.path(one).read_text() for one in studio._store.stored()) == ["a", "atwo"]
    with pytest.raises(NotFound):
        studio.projects.delete("one")


def test_everything_of_an_owner_is_deleted(studio: Studio, text: Path) -> None:
    studio.run_plan("text.copy text=b | text.copy text=c", text)
    name = awaiting(studio, text)
    with pytest.raises(InUse, match=name):
        studio.administration.delete_owner("local")
    studio.tasks.accept(name)
    assert studio.administration.delete_owner("local").tasks == 3
    assert list(studio._store.stored()) == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda studio: studio.tasks.delete("task_none"),
        lambda studio: studio.tasks.delete_plan("plan_none"),
        lambda studio: studio.delete_artifact("art_none"),
        lambda studio: studio.media.delete("art_none"),
        lambda studio: studio.media.delete_path("/none"),
        lambda studio: studio.projects.delete("none"),
        lambda studio: studio.administration.delete_owner("none"),
    ],
)
def test_an_unknown_name_is_not_found(studio: Studio, ask: Callable[[Studio], object]) -> None:
    with pytest.raises(NotFound, match="none"):
        ask(studio)


def test_a_dry_run_tells_what_would_go_and_removes_nothing(studio: Studio, text: Path) -> None:
    for word in ("b", "c"):
        studio.submit("text.copy", text, text=word, options=TaskOptions(project="film")).result(PATIENCE)
    unused = studio.take_in(text, project="film")
    task = studio.tasks.find()[0]
    for delete in (
        partial(studio.delete_artifact, unused.id),
        partial(studio.media.delete, unused.id),
        partial(studio.projects.delete, "film"),
        partial(studio.administration.delete_owner, task.owner),
    ):
        before = list(studio._store.stored()), studio.media.page(), studio.projects.page()
        told = delete(dry_run=True)
        assert (list(studio._store.stored()), studio.media.page(), studio.projects.page()) == before
        assert told.files
    assert studio.projects.delete("film") == told == (2, 5, 5)
    assert list(studio._store.stored()) == []


def test_several_files_are_deleted_all_or_none(studio: Studio, text: Path) -> None:
    one, other = studio.take_in(text), studio.take_in(text)
    with pytest.raises(NotFound, match="art_none"):
        studio.delete_artifact(one.id, "art_none")
    assert studio.delete_artifact(one.id, other.id, one.id) == (0, 2, 1)


@pytest.mark.parametrize("whose", ["project", "owner"])
def test_an_unfinished_upload_goes_with_its_project_or_owner(studio: Studio, text: Path, whose: str) -> None:
    anna = studio.session(Principal("anna"))
    upload = anna.uploads.create("a.txt", 2, project="film")
    with anna.uploads.open(upload.id, 0) as part:
        part.write(b"ab")
        if whose == "project":
            anna.projects.delete("film")
        else:
            studio.administration.delete_owner("anna")
        with pytest.raises(NotFound, match=upload.id):
            part.finish()
    assert list((studio.settings.home / "uploads").iterdir()) == []
    assert (list(studio._store.stored()), studio.media.page().items) == ([], [])
    with pytest.raises(NotFound):
        anna.projects.get("film")


async def followed(handle: Handle) -> list[Event]:
    return [event async for event in handle.events()]


@pytest.mark.parametrize(
    "wait", [Handle.result, lambda handle: [*handle.events()], lambda handle: asyncio.run(followed(handle))]
)
def test_who_waits_for_a_task_is_told_when_another_studio_deletes_it(
    open_studio: OpenStudio,
    copying: ModuleType,
    text: Path,
    monkeypatch: pytest.MonkeyPatch,
    wait: Callable[[Handle], object],
) -> None:
    monkeypatch.setattr(waiters, "DELETED_SECONDS", 0.1)
    monkeypatch.setattr(task_events, "DELETED_SECONDS", 0.1)
    studio, other = open_studio(copying), open_studio(copying)
    lives = studio.submit("exercise.wait", seconds=60.0)
    told = ThreadPoolExecutor().submit(wait, lives)
    while lives.task().state != "IN_PROGRESS":
        time.sleep(0.01)
    other._database.write(partial(end_and_remove, task_id=lives.task_id))
    with pytest.raises(NotFound, match=lives.task_id):
        told.result(PATIENCE)


def end_and_remove(transaction: Transaction, task_id: str) -> None:
    """Both at once, so that no studio sees the end."""
    transaction.execute(update(tasks).where(tasks.c.id == task_id).values(state="FAILED"))
    removal._tasks(transaction, [task_id], ALL)


def test_a_listener_goes_on_after_the_number_of_an_event_that_was_deleted(studio: Studio, text: Path) -> None:
    first = studio.submit("text.copy", text, text="b")
    first.result(PATIENCE)
    last = events_of(studio, first.task_id)[-1].seq
    studio.tasks.delete(first.task_id)
    with studio.events(after=last) as stream:
        second = studio.submit("text.copy", text, text="c")
        seen = [next(stream) for _ in range(3)]
    assert [event.subject for event in seen] == [second.task_id] * 3
    assert [event.seq for event in seen] == [last + 1, last + 2, last + 3]


KILLED = """
import os, signal, sys
from pathlib import Path
from avstudio_core import Studio
from avstudio_core.tasks.queue import removal

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

home, where, artifact = sys.argv[1:]
studio = Studio(home=home, plugins="core", executor="inline")
if where == "before the commit":
    mark = studio._store.mark
    studio._store.mark = lambda *given: (mark(*given), die())
elif where == "after the commit":
    removal.abandon = die
else:
    remove = studio._store.remove
    studio._store.remove = lambda *given: (remove(*given), die())
studio.delete_artifact(artifact)
"""


@pytest.mark.parametrize("where", ["before the commit", "after the commit", "after the removal of the file"])
def test_a_deletion_that_is_killed_leaves_nothing_half_done(tmp_path: Path, text: Path, where: str) -> None:
    with Studio(home=tmp_path / "home", plugins="core", executor="inline") as studio:
        given = studio.take_in(text)
    command = [sys.executable, "-c", KILLED, str(tmp_path / "home"), where, given.id]
    assert subprocess.run(command, env=os.environ, timeout=120).returncode == -signal.SIGKILL
    with Studio(home=tmp_path / "home", plugins="core", executor="inline") as studio:
        studio.start()
        deadline = time.monotonic() + PATIENCE
        while list(studio._store.leftovers()) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert list(check(studio._database, studio._store)) == []
        assert len(list(studio._store.stored())) == (where == "before the commit")
