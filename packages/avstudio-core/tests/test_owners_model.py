"""Two owners use one studio by turns: each has exactly the life that a studio of its own would give it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from avstudio_core import AVStudioError, NotFound, Principal, Studio, TaskCancelled, TaskFailed
from avstudio_core.access.session import Session
from avstudio_core.testing import exercises

OWNERS = ("anna", "ben")
ACTS = (
    "copy",
    "plan",
    "fail",
    "hold",
    "retry",
    "tasks",
    "plans",
    "events",
    "export",
    "artifact",
    "media",
    "projects",
    "delete",
    "probe",
)
STOPPED = ("FAILED", "BLOCKED")
"""A task that is cancelled ends in one or the other: that depends on whether it has begun."""


class Life:
    """What one owner does, and sees of it, without the ids and times that differ between studios."""

    def __init__(self, session: Session, folder: Path) -> None:
        self.session = session
        self.folder = folder
        self.tasks: list[str] = []
        self.plans: list[str] = []
        self.files: list[str] = []
        self.failed: list[str] = []

    def act(self, act: str, number: int, others: list[str]) -> Any:
        return getattr(self, f"_{act}")(number, others)

    def seen(self) -> set[str]:
        return {*self.tasks, *self.plans, *self.files}

    def _source(self, number: int) -> str:
        path = self.folder / f"{number}.txt"
        path.write_text(f"text {number}")
        artifact = self.session.take_in(path)
        self.files.append(artifact.id)
        return artifact.id

    def _copy(self, number: int, others: list[str]) -> Any:
        handle = self.session.submit("exercise.copy", self._source(number), suffix="!")
        self.tasks.append(handle.task_id)
        result = handle.result(30)
        self.files.append(result.copied.id)
        return result.copied.path.read_text(), result.cache_hit, result.copied.name

    def _plan(self, number: int, others: list[str]) -> Any:
        handle = self.session.submit_plan("exercise.copy | exercise.copy suffix=2", self._source(number))
        results = handle.result(30)
        self.plans.append(handle.plan_id)
        self.tasks += [step.task_id for step in handle.steps.values()]
        self.files += [result.copied.id for result in results.values()]
        return [(result.copied.path.read_text(), result.cache_hit) for result in results.values()]

    def _fail(self, number: int, others: list[str]) -> Any:
        handle = self.session.submit("exercise.fail", message=f"number {number}")
        self.tasks.append(handle.task_id)
        self.failed.append(handle.task_id)
        with pytest.raises(TaskFailed) as caught:
            handle.result(30)
        return caught.value.message

    def _hold(self, number: int, others: list[str]) -> Any:
        handle = self.session.submit("exercise.wait", seconds=600)
        self.tasks.append(handle.task_id)
        self.session.tasks.cancel(handle.task_id)
        with pytest.raises(TaskCancelled):
            handle.result(30)
        return "cancelled"

    def _retry(self, number: int, others: list[str]) -> Any:
        if not self.failed:
            return None
        freed = self.session.retry(self.failed[-1])
        with pytest.raises(TaskFailed) as caught:
            self.session.handle(freed[0]).result(30)
        return len(freed), caught.value.message

    def _tasks(self, number: int, others: list[str]) -> Any:
        found = self.session.tasks.find()
        assert [task.id for task in found] == self.tasks == self.session.tasks.matching("task_")
        states = self.session.tasks.counted()
        stopped = sum(count for state, count in states.items() if state in STOPPED)
        newest = self.session.tasks.find(limit=number)
        alike = states.get(found[0].state) if found and found[0].state not in STOPPED else 0
        return [task.processor for task in found], alike, stopped, len(newest)

    def _plans(self, number: int, others: list[str]) -> Any:
        kept = self.session.tasks.plans.find()
        assert [plan.id for plan in kept] == self.plans
        return [(plan.text, plan.state) for plan in kept]

    def _events(self, number: int, others: list[str]) -> Any:
        if not self.tasks:
            return None
        assert {event.subject for event in self.session.events(after=0).stored()} <= set(self.tasks)
        for one in others:
            with suppress(NotFound):  # a task or a plan that it does not have; other subjects are a plugin's
                assert [*self.session.events(subjects=[one], after=0).stored()] == []
        events = list(self.session.events(subjects=self.tasks, after=0).stored())
        assert {event.subject for event in events} <= set(self.tasks)
        return sorted(event.type for event in events if event.type == "task.submitted")

    def _export(self, number: int, others: list[str]) -> Any:
        if not self.files:
            return None
        target = self.folder / "out" / f"{len(list(self.folder.iterdir()))}.txt"
        target.parent.mkdir(exist_ok=True)
        return self.session.export(self.session.artifact(self.files[-1]), target, overwrite=True).read_text()

    def _artifact(self, number: int, others: list[str]) -> Any:
        if not self.files:
            return None
        artifact = self.session.artifact(self.files[number % len(self.files)])
        parents = artifact.lineage.parents if artifact.lineage else ()
        return artifact.name, [self.files.index(parent) for parent in parents if parent in self.files]

    def _media(self, number: int, others: list[str]) -> Any:
        found = self.session.media.page().items
        assert {one.id for one in found} <= set(self.files)
        return [(one.artifact.name, one.project, Path(one.path).name) for one in found]

    def _projects(self, number: int, others: list[str]) -> Any:
        return self.session.projects.page()

    def _delete(self, number: int, others: list[str]) -> Any:
        if not self.tasks:
            return None
        one = self.tasks.pop(number % len(self.tasks))
        removed = self.session.tasks.delete(one)
        self.failed = [task for task in self.failed if task != one]
        self.plans = [plan.id for plan in self.session.tasks.plans.find()]
        self.files = [file for file in self.files if self._exists(file)]
        return removed, len(self.plans), len(self.files)

    def _exists(self, file: str) -> bool:
        try:
            return bool(self.session.artifact(file))
        except NotFound:
            return False

    def _probe(self, number: int, others: list[str]) -> Any:
        """Ids of the other owner give the same errors as ids that nobody has."""
        session, messages = self.session, []
        for one in others[-6:]:
            for probe in (
                session.tasks.get,
                session.retry,
                session.tasks.cancel,
                session.artifact,
                session.plan,
                session.tasks.delete,
                session.tasks.delete_plan,
                session.delete_artifact,
                session.media.delete,
                lambda plan_id: session.tasks.find(plan_id=plan_id),
            ):
                with pytest.raises(NotFound) as caught:
                    probe(one)
                messages.append(str(caught.value).replace(one, "ID"))
        return sorted(set(messages))


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(mkdtemp())
    yield made
    shutil.rmtree(made)


def studio_in(folder: Path) -> Studio:
    return Studio(add=[exercises], home=folder / "home", executor="inline", offline=True, plugins="")


OFTEN = (*ACTS, "copy", "copy", "copy", "plan", "probe")
ACTIONS = st.lists(st.tuples(st.sampled_from(OWNERS), st.sampled_from(OFTEN), st.integers(0, 1)), max_size=20)
EACH = [(owner, act, 0) for act in ACTS for owner in OWNERS]


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(ACTIONS)
@example(EACH + EACH)
def test_two_owners_of_one_studio_never_see_or_change_or_infer_the_others_work(
    actions: list[tuple[str, str, int]],
) -> None:
    folder = Path(mkdtemp())
    shared = studio_in(folder / "shared")
    own = {owner: studio_in(folder / owner) for owner in OWNERS}
    lives: dict[str, Life] = {}
    models: dict[str, Life] = {}
    for owner in OWNERS:
        for lives_of, studio, name in ((lives, shared, f"{owner}-shared"), (models, own[owner], f"{owner}-own")):
            (folder / name).mkdir()
            lives_of[owner] = Life(studio.session(Principal(owner)), folder / name)
    nobody = [f"{kind}_0" for kind in ("task", "plan", "art")]
    try:
        for owner, act, number in actions:
            other = lives[OWNERS[owner == OWNERS[0]]]
            unknown = sorted(other.seen()) or nobody
            assert lives[owner].act(act, number, unknown) == models[owner].act(act, number, nobody), act
        assert lives[OWNERS[0]].seen().isdisjoint(lives[OWNERS[1]].seen())
    finally:
        for studio in (shared, *own.values()):
            studio.close()
        shutil.rmtree(folder)


def test_an_act_of_the_model_raises_no_error_of_its_own(folder: Path) -> None:
    """Each act does something, so that the property is not empty."""
    with studio_in(folder) as studio:
        life = Life(studio.session(Principal("anna")), folder)
        for act in ACTS:
            try:
                assert life.act(act, 1, ["task_0"]) is not None, act
            except AVStudioError as error:  # pragma: no cover
                raise AssertionError(act) from error
