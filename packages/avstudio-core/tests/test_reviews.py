"""A processor's own review while it goes on: in the task's state, in its events, and when it is cut short."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from avstudio_core import Handle, State, Studio
from avstudio_core.errors import InvalidParams, InvalidTransition, NotFound, TaskCancelled
from avstudio_core.tasks.task import TaskOptions

OpenStudio = Callable[..., Studio]
PATIENCE = 30.0

REVIEWED = """
import time
from pathlib import Path

class ReviewedParams(Params):
    verdict: str = Field("", description="A file; the review waits until it exists, and accepts if it is empty.")

class ReviewedResult(Result):
    attempt: int = Field(description="Which attempt this is.")
    verdict: str = Field(description="The file for which the review waits.")
    feedback: str | None = Field(default=None, description="Why it was sent back.")

class Reviewed(Processor[ReviewedParams, ReviewedResult]):
    "Make nothing, and have it reviewed."
    name = "reviewed.make"
    cacheable = False
    def run(self, source, params, context):
        return ReviewedResult(attempt=context.attempt, verdict=params.verdict, feedback=context.feedback)
    def review(self, result, context):
        verdict = Path(result.verdict)
        while not verdict.exists():
            context.check()
            time.sleep(0.01)
        reason = verdict.read_text().replace("half", "\\ud800")
        return Review.accept() if context.feedback or not reason else Review.send_back(reason)

class Audio(Agent):
    "Review sound."
    name = "audio"
    abilities = ("reviewed.*",)
    def turn(self, message, view):
        raise NotImplementedError

@hookimpl
def register_agents():
    return [Audio]

@hookimpl
def register_processors():
    return [Reviewed]
"""


@pytest.fixture(params=["inline", "local"])
def studio(
    request: pytest.FixtureRequest, open_studio: OpenStudio, write_plugin: Callable[[str], ModuleType]
) -> Studio:
    return open_studio(write_plugin(REVIEWED), executor=request.param)


def _in_review(handle: Handle) -> None:
    deadline = time.monotonic() + PATIENCE
    while handle.task().state is not State.AWAITING_REVIEW:
        assert time.monotonic() < deadline, handle.task()
        time.sleep(0.01)


def _types(handle: Handle) -> list[str]:
    return [event.type.removeprefix("task.") for event in handle.events()]


def test_a_task_awaits_its_processors_review(studio: Studio, tmp_path: Path) -> None:
    verdict = tmp_path / "verdict"
    handle = studio.submit("reviewed.make", verdict=str(verdict))
    _in_review(handle)
    with pytest.raises(InvalidTransition, match="does not wait for a person's review: its processor reviews it"):
        studio.tasks.accept(handle.task_id)
    with pytest.raises(InvalidTransition):
        studio.tasks.send_back(handle.task_id, "no")
    with pytest.raises(TimeoutError):
        handle.result(0.1)
    verdict.touch()
    assert handle.result(PATIENCE).attempt == 1
    assert _types(handle) == ["submitted", "started", "reviewing", "completed"]


def test_it_runs_again_when_the_review_sends_it_back(studio: Studio, tmp_path: Path) -> None:
    verdict = tmp_path / "verdict"
    verdict.write_text("poor")
    handle = studio.submit("reviewed.make", verdict=str(verdict))
    assert handle.result(PATIENCE).attempt == 2
    assert _types(handle) == ["submitted", "started", "reviewing", "reviewing", "reviewing", "completed"]


@pytest.mark.parametrize(("reason", "shown"), [("half", r"\ud800"), ("x" * 1_000_000, "x" * 3999 + "…")])
def test_any_reason_to_send_work_back_is_shown(studio: Studio, tmp_path: Path, reason: str, shown: str) -> None:
    verdict = tmp_path / "verdict"
    verdict.write_text(reason)
    handle = studio.submit("reviewed.make", verdict=str(verdict))
    assert handle.result(PATIENCE).feedback == shown


def test_a_person_reviews_after_the_processor(studio: Studio, tmp_path: Path) -> None:
    verdict = tmp_path / "verdict"
    handle = studio.submit("reviewed.make", verdict=str(verdict), options=TaskOptions(reviewer="person"))
    _in_review(handle)
    assert not handle.task().waits_for_person
    verdict.touch()
    while not handle.task().waits_for_person:
        time.sleep(0.01)
    studio.tasks.accept(handle.task_id)
    assert handle.result(PATIENCE).attempt == 1


def test_an_agent_reviews_after_the_processor(studio: Studio, tmp_path: Path) -> None:
    verdict = tmp_path / "verdict"
    verdict.touch()
    handle = studio.submit("reviewed.make", verdict=str(verdict), options=TaskOptions(reviewer="agent:audio"))
    while not handle.task().waits_for_review:
        time.sleep(0.01)
    assert not handle.task().waits_for_person
    with pytest.raises(InvalidTransition, match="does not wait for 'agent:video', but for 'agent:audio'"):
        studio.tasks.accept(handle.task_id, by="agent:video")
    studio.tasks.send_back(handle.task_id, "louder", by="agent:audio")
    while not handle.task().waits_for_review:
        time.sleep(0.01)
    studio.tasks.accept(handle.task_id, by="agent:audio")
    assert handle.result(PATIENCE).feedback == "louder"
    reviews = [event.data.get("reviewer") for event in handle.events() if "reviewer" in event.data]
    with pytest.raises(NotFound, match="'adio'"):
        studio.submit("reviewed.make", options=TaskOptions(reviewer="agent:adio"))
    assert reviews == ["processor", "agent:audio", "agent:audio", "processor", "agent:audio", "agent:audio"]


def test_a_reviewer_is_the_processor_a_person_or_an_agent() -> None:
    for wrong in ("nobody", "agent:", "agent: x"):
        with pytest.raises(InvalidParams, match="should be 'processor', 'person' or 'agent:NAME'"):
            TaskOptions(reviewer=wrong)


def test_a_task_in_review_is_cancelled(studio: Studio, tmp_path: Path) -> None:
    handle = studio.submit("reviewed.make", verdict=str(tmp_path / "verdict"))
    _in_review(handle)
    handle.cancel()
    with pytest.raises(TaskCancelled):
        handle.result(PATIENCE)
    assert handle.task().state is State.FAILED


def test_a_task_in_review_is_returned_when_its_studio_closes(
    studio: Studio, open_studio: OpenStudio, tmp_path: Path
) -> None:
    handle = studio.submit("reviewed.make", verdict=str(tmp_path / "verdict"))
    _in_review(handle)
    studio.close()
    with open_studio(executor="inline") as reader:
        assert reader.tasks.get(handle.task_id).state is State.PENDING
