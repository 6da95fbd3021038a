from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from avstudio_core import Plan, Step, Studio, TaskOptions
from avstudio_core.errors import InvalidInput, StorageError, TaskCancelled, TaskFailed
from avstudio_core.events import Event
from avstudio_core.handle import Handle, PlanHandle
from avstudio_core.tasks.events import mailbox
from avstudio_core.tasks.queue.queue_types import Claim, Claimed

OpenStudio = Callable[..., Studio]


@pytest.fixture
def studio(open_studio: OpenStudio) -> Studio:
    return open_studio()


def types(events: list[Event]) -> list[str]:
    return [event.type for event in events if event.type != "task.progress"]


def test_events_tell_a_tasks_story(studio: Studio) -> None:
    handle = studio.submit("exercise.wait")
    events = list(handle.events())
    assert types(events) == ["task.submitted", "task.started", "task.completed"]
    assert {event.task_id for event in events} == {event.data["task_id"] for event in events} == {handle.task_id}
    started, completed = events[1].data, events[-1].data
    assert started["type"] == "exercise.wait"
    assert isinstance(started["started_at"], float)
    assert isinstance(completed["duration"], float)
    assert completed["result"] == handle.task().result


def test_progress_is_in_percent(studio: Studio) -> None:
    events = list(studio.submit("exercise.wait").events())
    progress = [event.data for event in events if event.type == "task.progress"]
    assert [(data["percent"], data["message"]) for data in progress] == [(0.0, "waiting")]


def test_a_failure_is_reported_with_its_traceback(studio: Studio) -> None:
    events = list(studio.submit("exercise.fail", message="oh no").events())
    assert types(events) == ["task.submitted", "task.started", "task.failed"]
    assert "oh no" in str(events[-1].data["error"])
    assert "Traceback" in str(events[-1].data["traceback"])


@pytest.mark.parametrize("timeout", [float("nan"), "5", "soon", b"1", [1], True, 1j])
def test_a_timeout_that_is_no_time_is_refused(studio: Studio, timeout: Any) -> None:
    handle = studio.submit("exercise.wait")
    for one in (handle, PlanHandle(studio.tasks, "plan", {"wait": handle})):
        with pytest.raises(InvalidInput, match=r"is not a valid timeout\. Give seconds"):
            one.result(timeout)


@pytest.mark.parametrize("timeout", [float("inf"), 10**400])
def test_a_timeout_may_be_as_long_as_one_likes(studio: Studio, timeout: Any) -> None:
    handle = studio.submit("exercise.wait")
    assert handle.result(timeout) == PlanHandle(studio.tasks, "plan", {"wait": handle}).result(timeout)["wait"]


@pytest.mark.parametrize("seq", [-1, 1.5, float("nan"), "5", None, True, 2**63])
def test_a_number_that_no_event_has_is_refused_at_once(studio: Studio, seq: Any) -> None:
    handle = studio.submit("exercise.wait")
    for one in (handle, PlanHandle(studio.tasks, "plan", {"wait": handle})):
        with pytest.raises(InvalidInput, match="is not the number of an event"):
            one.events(seq)


def test_events_are_numbered_and_replayed_from_any_number(studio: Studio) -> None:
    handle = studio.submit("exercise.wait")
    events = list(handle.events())
    assert all(one.seq < two.seq for one, two in pairwise(events))
    for number, event in enumerate(events):
        assert list(handle.events(event.seq)) == events[number + 1 :]
    assert list(handle.events(10**9)) == []


def test_events_outlive_their_studio(open_studio: OpenStudio) -> None:
    first = open_studio()
    handle = first.submit("exercise.wait")
    events = list(handle.events())
    first.close()
    assert list(open_studio().handle(handle.task_id).events()) == events


def test_events_come_while_the_task_runs(studio: Studio) -> None:
    handle = studio.submit("exercise.wait", seconds=60)
    for event in handle.events():
        if event.type == "task.started":
            handle.cancel()
    assert event.type == "task.failed"
    assert event.data["code"] == "cancelled"


def test_a_plans_events_are_those_of_its_steps(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("x")
    handle = studio.submit_plan("exercise.copy suffix=1 | exercise.copy suffix=2", tmp_path / "file.txt")
    events = list(handle.events())
    for step in handle.steps.values():
        told = types([event for event in events if event.task_id == step.task_id])
        assert told == ["task.submitted", "task.started", "task.completed"]
    completed = [event.task_id for event in events if event.type == "task.completed"]
    assert completed == [step.task_id for step in handle.steps.values()]
    assert list(handle.events(events[2].seq)) == events[3:]


def test_many_may_listen(studio: Studio) -> None:
    handle = studio.submit("exercise.wait", seconds=0.1)
    heard: list[list[Event]] = []
    threads = [threading.Thread(target=lambda: heard.append(list(handle.events()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == [heard[0]] * 8


def test_following_ends_at_the_review_of_a_person(studio: Studio) -> None:
    handle = studio.submit("exercise.wait", options=TaskOptions(reviewer="person"))
    events = list(handle.events())
    assert types(events) == ["task.submitted", "task.started", "task.reviewing"]
    studio.tasks.accept(handle.task_id)
    assert types(list(handle.events(events[-1].seq))) == ["task.completed"]


AGENT = """
class Audio(Agent):
    "Review sound."
    name = "audio"
    abilities = ("reviewed.*",)
    def turn(self, message, view):
        raise NotImplementedError

@hookimpl
def register_agents():
    return [Audio]
"""


def test_the_review_of_an_agent_is_part_of_the_work(
    open_studio: OpenStudio, write_plugin: Callable[[str], ModuleType]
) -> None:
    studio = open_studio(write_plugin(AGENT))
    handle = studio.submit("exercise.wait", options=TaskOptions(reviewer="agent:audio"))
    while not handle.task().waits_for_review:
        time.sleep(0.01)
    assert studio.tasks.at_rest([handle.task_id]) == set()
    events = handle.events()
    while next(events).type != "task.reviewing":
        pass
    studio.tasks.accept(handle.task_id, by="agent:audio")
    assert types(list(events)) == ["task.reviewing", "task.completed"]


def test_a_step_that_waits_for_a_reviewed_one_is_at_rest_too(studio: Studio) -> None:
    steps = (
        Step(id="first", processor="exercise.wait"),
        Step(id="second", processor="exercise.wait", after=("first",)),
        Step(id="third", processor="exercise.wait", after=("second",)),
    )
    plan = studio.submit_plan(Plan(steps=steps), options=TaskOptions(reviewer="person"))
    assert types(list(plan.events())) == ["task.submitted"] * 3 + ["task.started", "task.reviewing"]
    studio.tasks.accept(plan.steps["first"].task_id)
    assert types(list(plan.events()))[-1] == "task.reviewing"
    assert plan.steps["second"].task().waits_for_person


def test_waiting_has_an_end(studio: Studio) -> None:
    handle = studio.submit("exercise.wait", seconds=60)
    with pytest.raises(TimeoutError, match=f"Task '{handle.task_id}' is (PENDING|ASSIGNED|IN_PROGRESS) after 0.05 s"):
        handle.result(0.05)
    handle.cancel()
    with pytest.raises(TaskCancelled):
        handle.result(20)


def test_waiting_for_no_time_gives_what_is_there(studio: Studio) -> None:
    plan = studio.submit_plan("exercise.wait")
    plan.result(20)
    for timeout in (0, -1, -(10**400), 1e-6):
        assert plan.result(timeout)["wait"] == plan.steps["wait"].result(timeout)


def test_who_gives_up_waiting_is_forgotten(studio: Studio) -> None:
    handle = studio.submit("exercise.wait", seconds=60)
    for _ in range(20):
        with pytest.raises(TimeoutError):
            handle.result(0.001)
    assert studio.tasks._waiting._futures == {}


def test_a_plan_raises_what_caused_the_rest(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("x")
    source = studio.take_in(tmp_path / "file.txt")
    source.path.write_text("y")
    handle = studio.submit_plan("exercise.copy | exercise.copy", source)
    with pytest.raises(TaskFailed, match="has changed since it was stored"):
        handle.result(20)
    assert [step.task().state for step in handle.steps.values()] == ["FAILED", "BLOCKED"]


def test_awaiting_plans_takes_no_threads(studio: Studio) -> None:
    async def give_up() -> int:
        plans = [studio.submit_plan("exercise.wait seconds=60") for _ in range(40)]
        for plan in plans:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(_plan(plan), 0.01)
        return await asyncio.to_thread(lambda: 7)

    assert asyncio.run(give_up()) == 7


def test_a_plan_is_cancelled_as_a_whole(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("x")
    options = TaskOptions(reviewer="person")
    handle = studio.submit_plan("exercise.copy | exercise.copy", tmp_path / "file.txt", options=options)
    handle.cancel()
    with pytest.raises(TaskCancelled):
        handle.result(20)
    assert {str(step.task().reason) for step in handle.steps.values()} == {"cancelled"}


def test_awaiting_leaves_the_loop_free(studio: Studio) -> None:
    async def turn_while_waiting() -> None:
        handle = studio.submit("exercise.wait", seconds=60)
        waiting = asyncio.ensure_future(_result(handle))
        for _ in range(5):
            await asyncio.sleep(0.005)
        assert not waiting.done()
        await handle.acancel()
        with pytest.raises(TaskCancelled):
            await waiting

    asyncio.run(turn_while_waiting())


def test_a_handle_can_be_had_again_by_its_id(studio: Studio) -> None:
    handle = studio.submit("exercise.wait")
    assert studio.handle(handle.task_id).result(20) == handle.result(20)


async def _result(handle: Handle) -> object:
    return await handle


async def _plan(plan: PlanHandle) -> object:
    return await plan


def test_a_crowd_hears_every_event_of_a_busy_task(open_studio: OpenStudio, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those who are so slow that their events are read from the log again."""
    monkeypatch.setattr(mailbox, "MOST_WAITING", 3)
    studio = open_studio()
    handle = studio.submit("exercise.wait", seconds=60)
    heard: dict[int, list[Event]] = {}

    def follow(number: int) -> None:
        heard[number] = []
        for event in handle.events():
            heard[number].append(event)
            time.sleep(0.02 * (number % 3))

    threads = [threading.Thread(target=follow, args=(number,)) for number in range(60)]
    for thread in threads:
        thread.start()
    for number in range(100):
        studio._queue.token(
            Claim("job", Claimed._make([handle.task_id] * len(Claimed._fields))), "r", f"{number}", done=False
        )
    handle.cancel()
    for thread in threads:
        thread.join(60)
    told = list(handle.events())
    assert [heard[number] for number in range(60)] == [told] * 60
    assert [event.data["token"] for event in told if event.type == "llm.token"] == [
        f"{number}" for number in range(100)
    ]


def test_following_ends_with_the_studio(open_studio: OpenStudio) -> None:
    studio = open_studio()
    handle = studio.submit("exercise.wait", seconds=60)
    ended: list[type[Exception]] = []

    def follow() -> None:
        try:
            list(handle.events())
        except StorageError as error:
            ended.append(type(error))

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    time.sleep(0.2)
    studio.close()
    thread.join(20)
    assert ended == [StorageError]


def test_many_waiting_callers_do_not_delay_closing(open_studio: OpenStudio) -> None:
    studio = open_studio(workers=1)
    plan = Plan(steps=tuple(Step(id=f"s{n}", processor="exercise.wait", params={"seconds": 60}) for n in range(5000)))
    waiting = [studio.tasks.ended(step.task_id) for step in studio.submit_plan(plan).steps.values()]
    began = time.monotonic()
    studio.close()
    assert time.monotonic() - began < 10
    assert all(isinstance(future.exception(1), StorageError) for future in waiting)


def test_waiting_callers_get_the_error_of_unreadable_events(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    """A person reviews: the task rests, and only another studio could end it."""
    handle = studio.submit("exercise.wait", options=TaskOptions(reviewer="person"))
    while not handle.task().waits_for_review:
        time.sleep(0.01)
    waiting = studio.tasks.ended(handle.task_id)
    with sqlite3.connect(studio.settings.home / "avstudio.db") as other:
        other.execute("ALTER TABLE events RENAME TO gone")
    with pytest.raises(StorageError, match="no such table"):
        waiting.result(60)
    assert caplog.text.count("cannot be read") == 1
