"""Old work is removed with its files, and nothing that is still used."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from avstudio_core import Studio, TaskOptions
from avstudio_core.chat import Account
from avstudio_core.errors import NotFound
from avstudio_core.gateway.ledger.call_facts import NewCall, Settled
from avstudio_core.tasks.queue.retention import remove_old

OpenStudio = Callable[..., Studio]

COPYING = """
class CopyParams(Params):
    text: str = Field("", description="A text to add.")

class CopyResult(Result):
    made: Artifact = Field(description="The copy.")

class Copying(Processor[CopyParams, CopyResult]):
    "Copy a text."
    name = "text.copy"
    accepts = ("text/*",)
    def outputs(self, params):
        return {"made": "text/plain"}
    def run(self, source, params, context):
        path = context.new_path("copy.txt")
        path.write_text(source.path.read_text() + params.text)
        return CopyResult(made=context.publish(path, "copy.txt", "text/plain"))

@hookimpl
def register_processors():
    return [Copying]
"""


@pytest.fixture
def studio(open_studio: OpenStudio, write_plugin: Callable[[str], ModuleType]) -> Studio:
    return open_studio(write_plugin(COPYING))


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_text("a")
    return path


def forget(studio: Studio, before: float | None = None) -> int:
    return remove_old(studio.tasks.database, studio.store, before or time.time())


def test_an_old_plan_is_removed_with_its_tasks_events_and_files(studio: Studio, text: Path) -> None:
    plan = studio.submit_plan("text.copy text=b | text.copy text=c", text)
    plan.result(30)
    assert len(list(studio.store.stored())) == 3
    assert forget(studio) == 1
    assert studio.tasks.find() == []
    assert list(studio.store.stored()) == []
    assert list(studio.store.staging.iterdir()) == []
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
    assert len(list(studio.store.stored())) == 2  # the source, which the second task read, and its copy


def test_a_file_that_a_later_task_reads_stays(studio: Studio, text: Path) -> None:
    first = studio.run("text.copy", text, text="b")
    now = time.time()
    studio.run("text.copy", first.made, text="c")
    assert forget(studio, now) == 1
    assert studio.artifact(first.made.id).path.read_text() == "ab"


def test_a_plan_stays_as_a_whole_until_its_last_step_is_old(studio: Studio, text: Path) -> None:
    plan = studio.submit_plan("text.copy text=b | text.copy text=c", text)
    plan.result(30)
    last = max(handle.task().finished_at or 0.0 for handle in plan.steps.values())
    assert forget(studio, last) == 0
    assert forget(studio, last + 1.0) == 1


def test_a_plan_with_a_step_that_waits_for_a_person_stays(studio: Studio, text: Path) -> None:
    plan = studio.submit_plan("text.copy text=b | text.copy text=c", text, options=TaskOptions(reviewer="person"))
    first, second = plan.steps.values()
    while first.task().state != "AWAITING_REVIEW":
        time.sleep(0.01)
    studio.tasks.accept(first.task_id)
    while second.task().state != "AWAITING_REVIEW":
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
    studio.store.verify(again.made.sha256)
    assert studio.artifact(again.made.id).name == "copy.txt"
    assert forget(studio) == 1
    assert list(studio.store.stored()) == []


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


def test_a_studio_does_it_by_itself(
    open_studio: OpenStudio, write_plugin: Callable[[str], ModuleType], text: Path
) -> None:
    first = open_studio(write_plugin(COPYING))
    for number in range(5):
        first.run("text.copy", text, text=str(number))
    second = open_studio(keep_days=1e-9)
    second.start()
    while second.tasks.find():
        time.sleep(0.05)
    assert list(second.store.stored()) == []
