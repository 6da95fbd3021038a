"""Steps that wait for the end of others, with or without a result."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from avstudio_core import Plan, State, Step, Studio
from avstudio_core.errors import InvalidPlan

OpenStudio = Callable[..., Studio]
PATIENCE = 30.0
WORK = """
from pathlib import Path

class WorkParams(Params):
    needs: str = Field("", description="A file without which it fails.")
    of: str = Field("", description="A value of an earlier step.")

class WorkResult(Result):
    made: str = Field("made", description="Something.")

class Work(Processor[WorkParams, WorkResult]):
    "Fail, or not."
    name = "work.do"
    cacheable = False
    def run(self, source, params, context):
        if params.needs and not Path(params.needs).exists():
            raise ValueError("It is missing.")
        return WorkResult()

@hookimpl
def register_processors():
    return [Work]
"""


@pytest.fixture
def studio(open_studio: OpenStudio, write_plugin: Callable[[str], ModuleType]) -> Studio:
    return open_studio(write_plugin(WORK))


def work(name: str, *after: str, **params: str) -> Step:
    return Step(id=name, processor="work.do", params={**params}, after=after)


def test_a_step_runs_after_others_have_ended_however_they_did(studio: Studio) -> None:
    good, bad = work("good"), work("bad", needs="/nowhere")
    blocked, cancelled = work("blocked", of="@bad.made"), work("cancelled", of="@bad.made")
    last = work("last", "good", "bad", "blocked", "cancelled")
    handle = studio.submit_plan(Plan(steps=(last, good, bad, blocked, cancelled)))
    handle.steps["cancelled"].cancel()
    assert handle.steps["last"].result(PATIENCE).made == "made"
    states = {step: one.task().state for step, one in handle.steps.items()}
    assert states["good"] is State.COMPLETED
    assert states["bad"] is State.FAILED
    assert states["blocked"] is states["cancelled"] is State.BLOCKED


def test_it_does_not_start_before_the_end(studio: Studio) -> None:
    handle = studio.submit_plan(Plan(steps=(Step(id="wait", processor="exercise.wait"), work("last", "wait"))))
    handle.steps["last"].result(PATIENCE)
    waited, last = (handle.steps[name].task() for name in ("wait", "last"))
    assert (waited.finished_at or 0.0) <= (last.started_at or 0.0)


def test_a_step_that_reads_another_also_needs_its_result(studio: Studio) -> None:
    plan = Plan(steps=(work("bad", needs="/nowhere"), work("reads", "bad", of="@bad.made")))
    handle = studio.submit_plan(plan)
    list(handle.events())
    assert handle.steps["reads"].task().state is State.BLOCKED


def test_the_steps_for_which_a_step_waits_must_exist(studio: Studio) -> None:
    with pytest.raises(InvalidPlan, match=r"Step 'last' waits for 'frist', which is not a step of the plan"):
        studio.submit_plan(Plan(steps=(work("first"), work("last", "frist"))))
    with pytest.raises(InvalidPlan, match="cycle"):
        studio.submit_plan(Plan(steps=(work("a", "b"), work("b", "a"))))
