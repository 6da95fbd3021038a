"""Old work is removed with its files, and nothing that is still used."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import update

from avstudio_core import Studio, TaskOptions
from avstudio_core.chat import Account
from avstudio_core.errors import NotFound
from avstudio_core.events import Event
from avstudio_core.gateway.ledger.call_facts import NewCall, Settled
from avstudio_core.storage.tables import events
from avstudio_core.tasks.events.event_filter import EventFilter
from avstudio_core.tasks.events.event_log import page
from avstudio_core.tasks.queue.retention import Retention

OpenStudio = Callable[..., Studio]


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


def forget(studio: Studio, before: float | None = None) -> int:
    return retention(studio).old(before or time.time())


def retention(studio: Studio) -> Retention:
    return Retention(studio._database, studio._queue.removal, studio.settings)


def test_an_old_plan_is_removed_with_its_tasks_events_and_files(studio: Studio, text: Path) -> None:
    plan = studio.submit_plan("text.copy text=b | text.copy text=c", text)
    plan.result(30)
    assert len(list(studio._store.stored())) == 3
    assert forget(studio) == 1
    assert studio.tasks.find() == []
    assert list(studio._store.stored()) == []
    assert list(studio._store.staging.iterdir()) == []
    with pytest.raises(NotFound):
        list(plan.steps["copy"].events())


def test_a_recent_plan_is_kept_with_the_files_that_it_read(studio: Studio, text: Path) -> None:
    first = studio.submit("text.copy", text)
    first.result(30)
    now = time.time()
    second = studio.run("text.copy", text, text="b")
    assert forget(studio, now) == 1
    assert [task.id for task in studio.tasks.find()] != [first.task_id]
    assert second.made.path.read_text() == "ab"
    assert len(list(studio._store.stored())) == 2  # the source, which the second task read, and its copy


def test_a_file_that_a_later_task_reads_stays(studio: Studio, text: Path) -> None:
    first = studio.run("text.copy", text, text="b")
    now = time.time()
    studio.run("text.copy", first.made, text="c")
    assert forget(studio, now) == 1
    assert studio.artifact(first.made.id).path.read_text() == "ab"


def test_a_file_that_a_parameter_of_a_later_task_names_stays(studio: Studio, text: Path) -> None:
    first = studio.run("text.copy", text, text="b")
    second = studio.run("text.copy", text, text="c")
    now = time.time()
    later = studio.run("text.copy", text, text="d", beside=first.made, others=[second.made])
    assert later.made.path.read_text() == "aabacd"
    assert forget(studio, now) == 2
    assert studio.artifact(first.made.id).path.read_text() == "ab"
    assert studio.artifact(second.made.id).path.read_text() == "ac"
    assert forget(studio) == 1
    assert list(studio._store.stored()) == []


def test_the_files_that_parameters_of_an_old_task_name_are_removed_with_it(
    studio: Studio, text: Path, tmp_path: Path
) -> None:
    (tmp_path / "b.txt").write_text("b")
    studio.run("text.copy", text, beside=str(tmp_path / "b.txt"))
    assert forget(studio) == 1
    assert list(studio._store.stored()) == []


def test_a_task_on_a_removed_file_is_refused(studio: Studio, text: Path) -> None:
    made = studio.run("text.copy", text, text="b").made
    assert forget(studio) == 1
    with pytest.raises(NotFound, match=made.id):
        studio.submit("text.copy", made)
    assert studio.tasks.find() == []


def test_a_plan_stays_as_a_whole_until_its_last_step_is_old(studio: Studio, text: Path) -> None:
    plan = studio.submit_plan("text.copy text=b | text.copy text=c", text)
    plan.result(30)
    last = max(handle.task().finished_at or 0.0 for handle in plan.steps.values())
    assert forget(studio, last) == 0
    assert forget(studio, last + 1.0) == 1


def test_a_plan_with_a_step_that_waits_for_a_person_stays(studio: Studio, text: Path) -> None:
    plan = studio.submit_plan("text.copy text=b | text.copy text=c", text, options=TaskOptions(reviewer="person"))
    first, second = plan.steps.values()
    while not first.task().waits_for_review:
        time.sleep(0.01)
    studio.tasks.accept(first.task_id)
    while not second.task().waits_for_review:
        time.sleep(0.01)
    assert forget(studio) == 0
    studio.tasks.accept(second.task_id)
    assert forget(studio) == 1


def test_a_result_from_the_cache_keeps_the_files_of_the_task_that_made_them(studio: Studio, text: Path) -> None:
    studio.run("text.copy", text)
    now = time.time()
    again = studio.run("text.copy", text)
    assert again.cache_hit
    assert forget(studio, now) == 1
    studio._store.verify(again.made.sha256)
    assert studio.artifact(again.made.id).name == "copy.txt"
    assert forget(studio) == 1
    assert list(studio._store.stored()) == []


def test_old_plans_that_did_not_complete_are_removed(studio: Studio, text: Path) -> None:
    plan = studio.submit_plan("text.copy | text.copy", text)
    plan.cancel()
    while any(handle.task().state not in ("FAILED", "BLOCKED", "COMPLETED") for handle in plan.steps.values()):
        time.sleep(0.01)
    assert forget(studio) == 1
    assert studio.tasks.find() == []


def test_what_calls_have_cost_stays_in_the_ledger(studio: Studio, text: Path) -> None:
    handle = studio.submit("text.copy", text)
    handle.result(30)
    call = NewCall("req", "chat", "openai", "gpt", Account(task=handle.task_id), 10)
    reservation = studio.ledger.reserve(call).result(30)
    studio.ledger.settle(reservation, Settled("ok", cost_micro=7)).result(30)
    assert forget(studio) == 1
    assert [line.cost_micro for line in studio.ledger.spending("day")] == [7]
    assert studio.ledger.rebuild() == []


def test_a_studio_does_it_by_itself(open_studio: OpenStudio, copying: ModuleType, text: Path) -> None:
    first = open_studio(copying)
    for number in range(5):
        first.run("text.copy", text, text=str(number))
    second = open_studio(keep_days=1e-9)
    second.start()
    while second.tasks.find() or any(second._store.stored()):
        time.sleep(0.05)


def test_the_oldest_plans_go_until_the_store_fits(studio: Studio, text: Path) -> None:
    made = [studio.run("text.copy", text, text="x" * (1 << 20) + str(number)).made for number in range(4)]
    assert retention(studio).beyond(5 << 20, time.time()) == 0
    assert retention(studio).beyond(5 << 19, time.time()) == 2
    assert [one.path.exists() for one in made] == [False, False, True, True]


def test_a_studio_keeps_the_store_within_its_size(open_studio: OpenStudio, copying: ModuleType, text: Path) -> None:
    first = open_studio(copying)
    for number in range(3):
        first.run("text.copy", text, text="x" * (1 << 20) + str(number))
    second = open_studio(keep_mb=2)
    second.start()
    while len(second.tasks.find()) > 1:
        time.sleep(0.05)
    time.sleep(0.6)
    assert len(second.tasks.find()) == 1


def test_progress_of_ended_tasks_goes_and_other_events_stay(studio: Studio) -> None:
    handle = studio.submit("exercise.wait", seconds=0.3)
    handle.result(30)
    living = studio.submit("exercise.wait", seconds=60)
    while not any(event.type == "task.progress" for event in events_of(studio, living.task_id)):
        time.sleep(0.01)
    keeping = retention(studio)
    keeping.events(time.time() - 60)
    assert "task.progress" in {event.type for event in handle.events()}
    keeping.events(time.time() + 1)
    assert {event.type for event in handle.events()} == {"task.submitted", "task.started", "task.completed"}
    types = {event.type for event in events_of(studio, living.task_id)}
    assert "task.progress" in types
    living.cancel()


def test_a_studio_removes_the_progress_of_old_tasks_by_itself(open_studio: OpenStudio) -> None:
    first = open_studio()
    handle = first.submit("exercise.wait", seconds=0.3)
    handle.result(30)
    first._database.write(lambda transaction: transaction.execute(update(events).values(time=1.0)))
    open_studio().start()
    while "task.progress" in {event.type for event in handle.events()}:
        time.sleep(0.1)
