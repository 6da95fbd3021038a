"""Plans of many steps, each reading the one before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from avstudio_core import Plan, Step, Studio
from avstudio_core.errors import NotFound, TaskFailed
from avstudio_core.plans.references import Ref
from avstudio_core.tasks.engine import engine

OpenStudio = Callable[..., Studio]


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("Dear")
    return path


def chain(length: int) -> Plan:
    steps = [Step(id="s0", processor="exercise.copy", params={"suffix": "0"})]
    for n in range(1, length):
        source = Ref(step=f"s{n - 1}")
        steps.append(Step(id=f"s{n}", processor="exercise.copy", params={"suffix": f"{n % 10}"}, source=source))
    return Plan(steps=tuple(steps))


@pytest.mark.parametrize("cached", [False, True])
def test_a_step_is_claimed_when_the_step_before_is_committed(
    open_studio: OpenStudio, letter: Path, monkeypatch: pytest.MonkeyPatch, cached: bool
) -> None:
    """The engine does not wait for its next look, which would come too late here."""
    studio = open_studio()
    if cached:
        studio.run_plan(chain(5), letter)
    for name in ("LOOK_SECONDS", "PATROL_SECONDS"):
        monkeypatch.setattr(engine, name, 60.0)
    results = studio.submit_plan(chain(5), letter).result(40)
    assert results["s4"].copied.path.read_text() == "Dear01234"
    assert results["s4"].cache_hit == cached


def test_a_long_chain_that_failed_is_retried_as_a_whole(open_studio: OpenStudio, letter: Path) -> None:
    studio = open_studio()
    source = studio.take_in(letter)
    source.path.write_text("spoilt")
    handle = studio.submit_plan(chain(2000), source)
    with pytest.raises(TaskFailed, match="has changed"):
        handle.steps["s0"].result(60)
    freed = studio.retry(handle.steps["s1000"].task_id)
    assert sorted(freed) == sorted(one.task_id for one in handle.steps.values())


def test_a_submitted_plan_is_kept_as_it_was_written(open_studio: OpenStudio, letter: Path) -> None:
    studio = open_studio()
    text = "exercise.copy suffix=! | exercise.copy"
    studio.run_plan(text, letter)
    studio.run_plan(chain(2), letter)
    studio.run("exercise.copy", letter)
    first, second = studio.tasks.plans.find()
    assert (first.text, first.state, sum(first.states.values())) == (text, "COMPLETED", 2)
    assert [step.id for step in Plan.from_json(second.text).steps] == ["s0", "s1"]
    assert studio.tasks.plans.get(first.id) == first
    assert studio.plan(first.id).result(10)["copy2"].copied.path.read_text() == "Dear!"
    with pytest.raises(NotFound, match="No plan has the id 'plan_0'"):
        studio.tasks.plans.get("plan_0")
    with pytest.raises(NotFound, match="No plan has the id 'plan_0'"):
        studio.plan("plan_0")
