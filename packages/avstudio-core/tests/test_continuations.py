"""A result may hold a plan, whose tasks are stored with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import select

from avstudio_core import State, Studio, Task, TaskOptions
from avstudio_core.errors import TaskFailed
from avstudio_core.storage.sweep import check
from avstudio_core.storage.tables import artifacts
from avstudio_core.tasks.queue import run_rows

OpenStudio = Callable[..., Studio]
PATIENCE = 30.0
PLANNER = """
from pathlib import Path
from threading import Event

class PlannedParams(Params):
    plan: str = Field("", description="The plan that the result holds, as JSON or an expression.")
    deep: int = Field(0, description="How often a further plan follows.")

class Planned(Result):
    word: str = Field("!", description="A value.")
    made: Artifact | None = Field(None, description="A file.")
    continuation: Plan | None = Field(None, description="What comes next.")

class Planner(Processor[PlannedParams, Planned]):
    "Return a plan."
    name = "plan.make"
    accepts = ("text/*",)
    source_optional = True
    def run(self, source, params, context):
        path = context.new_path("made.txt")
        path.write_text("made")
        made = context.publish(path, "made.txt", "text/plain")
        text = params.plan.replace("ID", made.id)
        if params.deep:
            text = f"plan.make deep={params.deep - 1} plan='{text}'"
        plan = Plan.from_json(text) if text.startswith("{") else Plan.parse(text) if text else None
        return Planned(made=made, continuation=plan)

released = Event()

class Slow(Planner):
    "Return a plan when the test says so."
    name = "plan.slow"
    cacheable = False
    def run(self, source, params, context):
        released.wait()
        return super().run(source, params, context)

@hookimpl
def register_processors():
    return [Planner, Slow]
"""


@pytest.fixture
def plugin(write_plugin: Callable[[str], ModuleType]) -> ModuleType:
    return write_plugin(PLANNER)


@pytest.fixture
def studio(open_studio: OpenStudio, plugin: ModuleType) -> Studio:
    return open_studio(plugin)


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("Dear")
    return path


def ended(studio: Studio, number: int) -> dict[str, Task]:
    """The tasks by their steps, when so many have ended."""
    deadline = time.monotonic() + PATIENCE
    while len([one for one in studio.tasks.find() if one.finished_at]) < number:
        assert time.monotonic() < deadline, studio.tasks.find()
        time.sleep(0.01)
    return {one.step: one for one in studio.tasks.find()}


def text(studio: Studio, task: Task) -> str:
    return str(studio.handle(task.id).result(PATIENCE).copied.path.read_text())


def test_the_tasks_of_a_plan_in_a_result_run_next(studio: Studio, letter: Path) -> None:
    """They read the source of the task, and what it made."""
    options = TaskOptions(priority=7, project="songs")
    plan = "exercise.copy suffix=1 | exercise.copy suffix=@result.word | exercise.copy source=@result.made suffix=2"
    first = studio.submit("plan.make", letter, options=options, plan=plan)
    found = ended(studio, 4)
    steps = ["make", "make/copy", "make/copy2", "make/copy3"]
    assert list(found) == steps
    assert [text(studio, found[step]) for step in steps[1:]] == ["Dear1", "Dear1!", "made2"]
    for task in found.values():
        assert (task.plan_id, task.priority, task.project) == (first.task().plan_id, 7, "songs")


def test_a_plan_that_is_not_valid_fails_the_task(studio: Studio) -> None:
    for plan, message in (
        ("exercise.copy source=@result.maed", "does not make 'maed'"),
        ("exercise.copy suffix=@result.wrod", "does not have 'wrod'"),
        ("exercise.copy", "needs a source"),
        ("audio.none", "audio.none"),
    ):
        with pytest.raises(TaskFailed, match=message):
            studio.run("plan.make", plan=plan)
    assert {one.step for one in studio.tasks.find()} == {"make"}
    with studio._database.read() as connection:
        assert connection.execute(select(artifacts.c.id)).all() == []


def test_a_cached_result_goes_on_once_for_each_task(studio: Studio) -> None:
    for _ in range(2):
        studio.run("plan.make", plan="exercise.copy source=@result.made suffix=1")
    deadline = time.monotonic() + PATIENCE
    while studio.tasks.counted() != {State.COMPLETED: 4}:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert [one.step for one in studio.tasks.find()].count("make/copy") == 2


def test_the_tasks_wait_until_a_person_accepts_the_plan(studio: Studio) -> None:
    reviewed = TaskOptions(reviewer="person")
    handle = studio.submit("plan.make", options=reviewed, plan="exercise.copy source=@result.made suffix=1")
    list(handle.events())
    assert list(ended(studio, 1)) == ["make"]
    studio.tasks.send_back(handle.task_id, "once more")
    while not handle.task().waits_for_person:
        time.sleep(0.01)
    studio.tasks.accept(handle.task_id)
    found = ended(studio, 2)
    assert text(studio, found["make/copy"]) == "made1"


def test_a_cancelled_task_does_not_go_on(studio: Studio) -> None:
    handle = studio.submit("plan.make", options=TaskOptions(reviewer="person"), plan="exercise.wait")
    list(handle.events())
    handle.cancel()
    assert list(ended(studio, 1)) == ["make"]


def test_cancelling_a_plan_cancels_tasks_that_are_stored_at_the_same_time(studio: Studio, plugin: ModuleType) -> None:
    """The end of a task and the request wait for the writer, which handles them in one transaction."""

    def hold(_: object) -> None:
        plugin.released.set()
        time.sleep(1)

    handle = studio.submit("plan.slow", plan="exercise.wait seconds=600")
    while handle.task().state != State.IN_PROGRESS:
        time.sleep(0.01)
    with ThreadPoolExecutor() as pool:
        held = pool.submit(studio._database.write, hold)
        assert plugin.released.wait(PATIENCE)
        time.sleep(0.5)  # until the task has ended
        studio.tasks.cancel_plan(handle.task().plan_id)
        held.result(PATIENCE)
    found = ended(studio, len(studio.tasks.find()))
    assert State.BLOCKED in {task.state for task in found.values()}


def test_a_plan_that_is_not_a_run_does_not_grow_for_ever(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_rows, "MOST_FOLLOWING", 3)
    studio.submit("plan.make", deep=9, plan="exercise.nothing")
    found = [*ended(studio, 4).values()]
    assert [task.state for task in found] == [State.COMPLETED] * 3 + [State.FAILED]
    assert found[-1].error is not None
    assert found[-1].error.code == "run_limit"


CRASHING = """
import os, signal, sys
from importlib import import_module
from avstudio_core import Plan, Step, Studio
from avstudio_core.storage.sqlite.database import Transaction
from avstudio_core.testing import exercises

home, plugins, name, plan, when = sys.argv[1:]
sys.path.insert(0, plugins)
count = 0

def dying(method):
    def die_in_time(self, *args, **options):
        global count
        count += 1
        if count == int(when):
            os.kill(os.getpid(), signal.SIGKILL)
        return method(self, *args, **options)
    return die_in_time

with Studio(home=home, add=[exercises, import_module(name)], plugins="", executor="inline", offline=True) as studio:
    step = Step(id="make", processor="plan.make", params={"deep": 1, "plan": plan})
    studio.start_run(Plan(steps=(step,)), key="once")
    for method in ("run", "later", "later_of", "flush", "committed"):
        setattr(Transaction, method, dying(getattr(Transaction, method)))
    studio.start()
    while any(not task.finished_at for task in studio.tasks.find()):
        list(studio.handle(next(task.id for task in studio.tasks.find() if not task.finished_at)).events())
"""


def test_a_kill_at_any_point_of_a_run_loses_nothing_and_doubles_nothing(
    open_studio: OpenStudio, plugin: ModuleType, tmp_path: Path
) -> None:
    """Each process dies a few database operations later than the one before."""
    plan = "exercise.copy source=@result.made suffix=1 | exercise.copy suffix=2"
    points = range(3, int(os.environ.get("AVSTUDIO_CRASH_POINTS", "60")), 6)
    for when in points:
        home = tmp_path / f"home{when}"
        given = [str(home), str(Path(str(plugin.__file__)).parent), plugin.__name__, plan, str(when)]
        crashed = subprocess.run([sys.executable, "-c", CRASHING, *given], timeout=60, check=False)
        assert crashed.returncode == -signal.SIGKILL
        with open_studio(plugin, home=home) as studio:
            studio.start()
            found = ended(studio, 4)
            states = {step: str(task.state) for step, task in found.items()}
            assert states == dict.fromkeys(["make", "make/make", "make/make/copy", "make/make/copy2"], "COMPLETED")
            assert len(studio.tasks.find()) == 4
            run = studio.start_run("exercise.nothing", key="once")
            assert (run.earlier, run.status().used_steps, len(run.tasks())) == (True, 4, 4)
            assert text(studio, found["make/make/copy2"]) == "made12"
            with studio._database.read() as connection:
                assert len(connection.execute(select(artifacts.c.id)).all()) == 4
            assert list(check(studio._database, studio._store)) == []
