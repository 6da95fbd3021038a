"""Failed writes are retried: no task stays in progress for ever, and no finished run is lost."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from avstudio_core import State, Studio, TaskOptions
from avstudio_core.errors import DataFolderError, TaskFailed
from avstudio_core.tasks.engine.sleep import Clocks
from avstudio_core.testing import until

OpenStudio = Callable[..., Studio]
WritePlugin = Callable[[str], ModuleType]
PATIENCE = 20.0

MOODY = """
import os, signal, time
from pathlib import Path

class MoodyParams(Params):
    mood: str = Field(default="", description="How it goes.")
    notes: str = Field(default="", description="A file to count runs in.")
    model: str | None = Field(default=None, description="A model.")
    gate: str = Field(default="", description="A file to wait for.")

class MoodyResult(Result):
    runs: int = Field(default=0, description="Runs until now.")
    mood: str = Field(default="", description="How it went.")

class Moody(Processor[MoodyParams, MoodyResult]):
    "Do something, in a mood."
    name = "mood.show"

    def needs(self, params, source):
        if params.mood == "unable" and not Path(params.notes).exists():
            raise Unavailable("not here")
        if params.mood == "kills its planner" and Path(params.gate).exists():
            with open(params.notes, "a") as file:
                file.write("run\\n")
            os.kill(os.getpid(), signal.SIGKILL)
        return Needs(model=params.model, model_digest="x") if params.model else Needs()

    def run(self, source, params, context):
        with open(params.notes, "a") as file:
            file.write("run\\n")
        runs = len(Path(params.notes).read_text().split())
        if params.mood == "opens":
            Path(params.gate).touch()
        while params.gate and not Path(params.gate).exists():
            context.check()
            time.sleep(0.01)
        if params.mood == "kills its studio":
            os._exit(1)
        if params.mood == "dies once" and runs == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.1)
        return MoodyResult(runs=runs, mood=params.mood)

    def review(self, result, context):
        again = result.mood == "poor" and context.feedback is None
        return Review.send_back("poor") if again else Review.accept()

@hookimpl
def register_processors():
    return [Moody]
"""


@pytest.fixture
def moody(write_plugin: WritePlugin) -> ModuleType:
    return write_plugin("from avstudio_core.errors import Unavailable\n" + MOODY)


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


@contextmanager
def no_row(studio: Studio, when: str, said: str) -> Iterator[None]:
    """SQLite itself refuses changes of tasks for which `when` is true, as it does on a full disk."""
    with closing(sqlite3.connect(studio._database.path, isolation_level=None, timeout=10)) as other:
        other.execute(
            f"CREATE TRIGGER refuse BEFORE UPDATE ON tasks WHEN {when} BEGIN SELECT RAISE(ABORT, '{said}'); END"
        )
        try:
            yield
        finally:
            other.execute("DROP TRIGGER refuse")


@pytest.mark.parametrize(
    ("when", "said", "mood", "executor", "runs"),
    [
        ("NEW.state = 'IN_PROGRESS'", "database is locked", "", "inline", 1),
        ("NEW.state = 'COMPLETED'", "database is locked", "", "inline", 1),
        ("NEW.feedback IS NOT NULL", "database or disk is full", "poor", "inline", 3),
        ("NEW.state = 'PENDING'", "database or disk is full", "dies once", "local", 2),
    ],
    ids=["start", "finish", "rerun", "lose"],
)
def test_a_write_that_fails_for_a_moment_costs_no_task(
    open_studio: OpenStudio, moody: ModuleType, notes: Path, when: str, said: str, mood: str, executor: str, runs: int
) -> None:
    studio = open_studio(moody, executor=executor)
    with no_row(studio, when, said):
        options = TaskOptions(retries=1)
        handle = studio.submit("mood.show", mood=mood, notes=str(notes), options=options)
        until(notes.exists)
        time.sleep(0.5)
    assert handle.result(PATIENCE).runs == runs


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_waiting_callers_get_the_error_of_a_lasting_outage(
    open_studio: OpenStudio, moody: ModuleType, notes: Path, executor: str
) -> None:
    studio = open_studio(moody, executor=executor, lease_seconds=1.5)
    with no_row(studio, "1", "attempt to write a readonly database"):
        handle = studio.submit("mood.show", notes=str(notes))
        with pytest.raises(DataFolderError, match="cannot be written"):
            handle.result(PATIENCE)
        with pytest.raises(DataFolderError, match="cannot be written"):
            list(handle.events())
        studio.close()
    until(lambda: not {"engine", "database", "waiting", "events"} & {one.name for one in threading.enumerate()})


def test_a_task_whose_waiters_were_given_an_error_is_done_in_the_end(
    open_studio: OpenStudio, moody: ModuleType, notes: Path
) -> None:
    studio = open_studio(moody, lease_seconds=1.5)
    with no_row(studio, "NEW.state = 'COMPLETED'", "database is locked"):
        handle = studio.submit("mood.show", notes=str(notes))
        with pytest.raises(DataFolderError, match="Another program has held"):
            handle.result(PATIENCE)
        assert isinstance(studio.outage, DataFolderError)
    until(lambda: handle.task().state == "COMPLETED")
    until(lambda: studio.outage is None)
    assert handle.result(PATIENCE).runs == 1


def test_an_answer_from_the_cache_that_cannot_be_written_is_written_later(
    open_studio: OpenStudio, moody: ModuleType, notes: Path
) -> None:
    studio = open_studio(moody)
    studio.run("mood.show", notes=str(notes))
    with no_row(studio, "NEW.state = 'COMPLETED'", "database or disk is full"):
        handle = studio.submit("mood.show", notes=str(notes))
        until(lambda: handle.task().state == "ASSIGNED")
    assert handle.result(PATIENCE).cache_hit


def test_a_job_that_the_engine_does_not_know_is_handed_out_again(
    open_studio: OpenStudio, moody: ModuleType, notes: Path
) -> None:
    studio = open_studio(moody)
    gate = notes.with_name("gate")
    handle = studio.submit("mood.show", notes=str(notes), gate=str(gate))
    until(notes.exists)
    assert studio._engine is not None
    studio._engine._running.clear()  # as after a fault that nobody thought of
    gate.touch()
    assert handle.result(PATIENCE).runs == 2


def test_a_busy_model_keeps_no_other_waiting(open_studio: OpenStudio, moody: ModuleType, notes: Path) -> None:
    studio = open_studio(moody)
    gate = notes.with_name("gate")
    for model in ("small", "large"):
        studio.run("mood.show", model=model, notes=str(notes))
    slow = [studio.submit("mood.show", model="large", gate=str(gate), notes=f"{notes}{n}") for n in range(2)]
    assert studio.submit("mood.show", model="small", notes=f"{notes}s").result(PATIENCE).runs == 1
    assert studio.submit("mood.show", notes=f"{notes}n").result(PATIENCE).runs == 1
    gate.touch()
    assert [handle.result(PATIENCE).runs for handle in slow] == [1, 1]


def test_a_studio_that_cannot_leaves_the_task_to_one_that_can(
    open_studio: OpenStudio, moody: ModuleType, notes: Path
) -> None:
    """The second studio lacks what the first one had when the task was submitted."""
    gate = notes.with_name("gate")
    notes.touch()
    first = open_studio(moody, workers=1)
    busy = first.submit("mood.show", notes=f"{notes}b", gate=str(gate))
    until(Path(f"{notes}b").exists)
    left = first.submit("mood.show", mood="unable", notes=str(notes))
    notes.unlink()
    open_studio(moody).start()
    time.sleep(1.0)
    until(lambda: left.task().state == "PENDING")  # it is claimed for a moment
    notes.touch()
    gate.touch()
    assert (busy.result(PATIENCE).runs, left.result(PATIENCE).runs) == (1, 1)


def test_what_no_one_else_can_do_fails_with_the_reason(open_studio: OpenStudio, moody: ModuleType, notes: Path) -> None:
    """The studio that submitted it has gone: nobody is left who may have what it needs."""
    gate = notes.with_name("gate")
    notes.touch()
    first = open_studio(moody, workers=1)
    first.submit("mood.show", notes=f"{notes}b", gate=str(gate))
    until(Path(f"{notes}b").exists)
    left = first.submit("mood.show", mood="unable", notes=str(notes)).task_id
    first.close()
    notes.unlink()
    gate.touch()
    second = open_studio(moody)
    second.start()
    with pytest.raises(TaskFailed, match="not here"):
        second.handle(left).result(PATIENCE)


ALONE = """
import sys
from importlib import import_module
from avstudio_core import Plan, Step, Studio
folder, home, plugin, notes, mood, executor, gate = sys.argv[1:]
sys.path.insert(0, folder)
with Studio(home=home, add=[import_module(plugin)], plugins="", executor=executor) as studio:
    if not studio.tasks.find():
        first = {"mood": "opens", "notes": notes + "1", "gate": gate}
        second = {"mood": mood, "notes": notes, "gate": gate}
        steps = [Step(id="first", processor="mood.show", params=first)]
        steps += [Step(id="second", processor="mood.show", params=second, after=("first",))]
        studio.submit_plan(Plan(steps=steps))
    studio.start()
    for task in studio.tasks.find():
        list(studio.handle(task.id).events())
"""


@pytest.mark.parametrize(
    ("mood", "executor", "said", "hint"),
    [
        ("kills its studio", "inline", "The studio that ran this task in its own process died.", "'local'"),
        ("kills its planner", "local", "The studio died while it planned this task.", ""),
    ],
)
def test_what_kills_its_studio_is_handed_out_three_times_and_no_more(
    open_studio: OpenStudio,
    moody: ModuleType,
    notes: Path,
    tmp_path: Path,
    mood: str,
    executor: str,
    said: str,
    hint: str,
) -> None:
    """In the studio's own process no worker dies in its place, and it may die before it could say that a run began."""
    plugin = (str(Path(str(moody.__file__)).parent), str(tmp_path / "home"), moody.__name__)
    given = (*plugin, str(notes), mood, executor, str(tmp_path / "gate"))
    ended = [subprocess.run([sys.executable, "-c", ALONE, *given], timeout=60).returncode for _ in range(4)]
    assert ended[-1] == 0
    assert notes.read_text().split() == ["run"] * 3
    (task,) = open_studio(moody).tasks.find(states=[State.FAILED])
    assert task.error is not None
    assert (task.reason, task.error.message) == ("worker_lost", f"{said} The task was handed out 3 times.")
    assert hint in task.error.hint


KILLED = """
import sys
from importlib import import_module
from avstudio_core import Studio
folder, home, plugin, notes = sys.argv[1:]
sys.path.insert(0, folder)
with Studio(home=home, add=[import_module(plugin)], plugins="", executor="local", max_deliveries=1) as studio:
    if not studio.tasks.find():
        studio.submit("mood.show", notes=notes, gate=notes + "gate")
    studio.start()
    for task in studio.tasks.find():
        list(studio.handle(task.id).events())
"""


def test_an_innocent_task_whose_studio_is_killed_again_and_again_is_done(
    open_studio: OpenStudio, moody: ModuleType, notes: Path, tmp_path: Path
) -> None:
    """Its worker is a process apart, and has not ended the studio."""
    given = (str(Path(str(moody.__file__)).parent), str(tmp_path / "home"), moody.__name__, str(notes))
    for runs in (1, 2):
        with subprocess.Popen([sys.executable, "-c", KILLED, *given]) as studio:
            until(lambda: notes.exists() and len(notes.read_text().split()) == runs)  # noqa: B023
            studio.kill()
    Path(f"{notes}gate").touch()
    last = open_studio(moody, max_deliveries=1)
    last.start()
    (task,) = last.tasks.find()
    assert last.handle(task.id).result(PATIENCE).runs == 3


def test_leases_mean_nothing_for_a_while_after_a_sleep() -> None:
    wall, awake = [1000.0], [50.0]
    clocks = Clocks(30.0, lambda: wall[0], lambda: awake[0])
    told = [clocks.tell()]
    for wall_passes, awake_passes in ((0.5, 0.5), (3600.5, 0.5), (29.0, 29.0), (1.5, 1.5), (-3600.0, 0.5)):
        wall[0] += wall_passes
        awake[0] += awake_passes
        told.append(clocks.tell())
    assert told == [True, True, False, False, True, False]
