"""Listening to the events of a data folder, and publishing some."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, strategies as st
from sqlalchemy import update

from avstudio_core import Event, EventsLost, EventStream, Plan, Step, Studio, TaskOptions
from avstudio_core.chat import Account
from avstudio_core.errors import InvalidInput, NotFound, StorageError
from avstudio_core.gateway.ledger.call_facts import NewCall, Settled
from avstudio_core.reach import Reach
from avstudio_core.storage.database import Transaction
from avstudio_core.storage.tables import events
from avstudio_core.tasks.events import event_log, mailbox
from avstudio_core.testing import until

OpenStudio = Callable[..., Studio]
MESSAGE = "agent.message"


@pytest.fixture
def studio(open_studio: OpenStudio) -> Studio:
    return open_studio()


def say(studio: Studio, *words: object, subject: str = "chat", owner: str = "local") -> list[Event]:
    return [studio.publish(MESSAGE, subject, {"message": str(word)}, owner=owner) for word in words]


def heard(stream: EventStream, count: int) -> list[Event]:
    return [next(stream) for _ in range(count)]


def caught_up(listener: list[Event], number: int) -> bool:
    return len(listener) == number + 1


TYPES = """
@hookimpl
def register_event_types():
    return [EventType("garden.watered", "The garden was watered.")]
"""


def test_a_plugin_publishes_events_of_its_own_types(
    write_plugin: Callable[[str], ModuleType], open_studio: OpenStudio
) -> None:
    studio = open_studio(write_plugin(TYPES))
    with studio.events() as events:
        published = studio.publish("garden.watered", "garden_1", {"litres": 3}, owner="ann")
        assert next(events) == published
    assert (published.subject, published.owner, published.task_id) == ("garden_1", "ann", "")
    assert list(studio.events(after=published.seq - 1).stored()) == [published]


@pytest.mark.parametrize("kind", ["garden.flooded", "agent.massage", "", None, 5])
def test_a_type_that_nobody_registered_is_refused(studio: Studio, kind: Any) -> None:
    with pytest.raises((NotFound, InvalidInput), match="type of events"):
        studio.publish(kind, "garden_1", {})


def test_an_unknown_type_in_a_filter_is_refused_with_the_way_to_the_known_ones(studio: Studio) -> None:
    with pytest.raises(NotFound, match=r"No type of events is named 'qqqq'\. See the list of types of events\."):
        list(studio.events(types=["qqqq"]).stored())


@pytest.mark.parametrize("kind", ["task.completed", "llm.token", "budget.alert"])
def test_what_only_the_studio_publishes_cannot_be_faked(studio: Studio, kind: str) -> None:
    with pytest.raises(InvalidInput, match=f"Only the studio itself publishes '{kind}'"):
        studio.publish(kind, "task_1", {})


@pytest.mark.parametrize(
    "data", [{"x": object()}, {"x": float("nan")}, [1], "text", None, {"text": "\ud800"}, {"text": "é" * (1 << 19)}]
)
def test_what_is_not_json_is_not_published(studio: Studio, data: Any) -> None:
    with pytest.raises(InvalidInput, match=r"JSON|data of (an|the) event"):
        studio.publish(MESSAGE, "chat", data)
    assert list(studio.events(after=0).stored()) == []


@pytest.mark.parametrize("declared", ["'garden.watered'", "EventType('Garden', 'x')", "EventType('garden.x', ' ')"])
def test_an_invalid_type_is_set_aside(
    write_plugin: Callable[[str], ModuleType], open_studio: OpenStudio, declared: str
) -> None:
    module = write_plugin(f"@hookimpl\ndef register_event_types(): return [{declared}]")
    studio = open_studio(module)
    say(studio, "hello")
    assert studio.plugins.refused[module.__name__]


def test_events_about_budgets_have_the_budget_as_subject(studio: Studio) -> None:
    studio.ledger.set_budget("global", "day", 10)
    call = NewCall(request_id="r", verb="chat", backend="b", model="m", account=Account(), most_micro=7, rule="default")
    studio.ledger.settle(studio.ledger.reserve(call).result(), Settled("ok", cost_micro=7)).result()
    (event,) = studio.events(subjects="global", types="budget.alert", after=0).stored()
    assert event.data["percent"] == 60


def test_filters_replay_and_follow_what_they_accept(open_studio: OpenStudio) -> None:
    studio, other = open_studio(), open_studio()
    plan = studio.submit_plan(Plan(steps=tuple(Step(id=name, processor="exercise.wait") for name in "ab")))
    later = other.submit("exercise.wait")
    plan.result(20), later.result(20)
    say(studio, 1, owner="ann"), say(other, 2, owner="bob", subject=plan.plan_id)
    everything = list(studio.events(after=0).stored())
    ids = [handle.task_id for handle in plan.steps.values()]
    wanted: dict[str, tuple[dict[str, Any], Callable[[Event], bool]]] = {
        "all": ({}, lambda event: True),
        "subjects": ({"subjects": [ids[0], "chat"]}, lambda event: event.subject in (ids[0], "chat")),
        "plan": ({"plan": plan.plan_id}, lambda event: event.subject in (*ids, plan.plan_id)),
        "owner": ({"owner": "bob"}, lambda event: event.owner == "bob"),
        "types": ({"types": ["task.completed", MESSAGE]}, lambda event: event.type in ("task.completed", MESSAGE)),
        "both": ({"plan": plan.plan_id, "types": MESSAGE}, lambda event: event.data.get("message") == "2"),
    }
    for name, (conditions, accepts) in wanted.items():
        expected = [event for event in everything if accepts(event)]
        with studio.events(after=0, **conditions) as stream:
            assert heard(stream, len(expected)) == expected, name


def test_a_listener_without_a_number_hears_only_what_is_new(studio: Studio) -> None:
    say(studio, "old")
    with studio.events() as events:
        assert not events.wait(0.3)
        (new,) = say(studio, "new")
        assert next(events) == new


def test_a_number_that_no_event_has_yet_counts_as_the_newest(studio: Studio) -> None:
    say(studio, "old")
    with studio.events(after=10**9) as events:
        (new,) = say(studio, "new")
        assert next(events) == new


@pytest.mark.parametrize(
    "conditions", [{"after": -1}, {"after": "5"}, {"subjects": 5}, {"subjects": [""]}, {"owner": ""}, {"types": [None]}]
)
def test_what_cannot_be_listened_to_is_refused_at_once(studio: Studio, conditions: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        studio.events(**conditions)


def test_events_of_other_studios_are_heard(open_studio: OpenStudio) -> None:
    with open_studio().events(types="task.completed") as events:
        handle = open_studio().submit("exercise.wait")
        assert next(events).task_id == handle.task_id


def test_a_slow_listener_is_told_and_continues_by_number(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "MOST_WAITING", 3)
    with studio.events() as slow, studio.events() as quick:
        published: list[Event] = []
        for number in range(10):
            published += say(studio, number)
            assert next(quick) == published[-1]
        assert heard(slow, 3) == published[:3]
        with pytest.raises(EventsLost, match="after number 3 ") as lost:
            next(slow)
    with studio.events(after=lost.value.seq) as resumed:
        assert heard(resumed, 7) == published[3:]


def test_a_replay_may_be_as_slow_as_it_likes(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "MOST_WAITING", 3)
    monkeypatch.setattr(event_log, "FIRST_PAGE", 2)
    monkeypatch.setattr(event_log, "PAGE", 4)
    published = say(studio, *range(6))
    with studio.events(after=0) as events:
        got = heard(events, 2)
        for number in range(20):
            published += say(studio, number)
        assert got + heard(events, 24) == published


def test_a_stream_that_is_closed_ends(studio: Studio) -> None:
    events = studio.events()
    ended: list[Event] = [*say(studio, "old")]
    thread = threading.Thread(target=lambda: ended.extend(events))
    thread.start()
    time.sleep(0.1)
    events.close()
    thread.join(20)
    assert not thread.is_alive()
    assert len(ended) == 1


def test_streams_end_with_the_studio_and_get_what_was_stored(open_studio: OpenStudio) -> None:
    studio = open_studio()
    events = studio.events(after=0)
    got: list[Event] = []
    thread = threading.Thread(target=lambda: got.extend(events))
    thread.start()
    until(lambda: say(studio, "x") and got)
    last = say(studio, "last")
    studio.close()
    thread.join(20)
    assert got[-1:] == last
    with pytest.raises(StorageError, match="closed"):
        next(studio.events())


def test_a_dropped_stream_no_longer_listens(open_studio: OpenStudio) -> None:
    studio = open_studio()
    streams = [iter(studio.events()) for _ in range(100)]
    assert not any(stream.wait(0) for stream in streams)
    del streams
    until(lambda: "events" not in {thread.name for thread in threading.enumerate()})


# On an event loop


def test_a_thousand_listen_on_one_event_loop(studio: Studio) -> None:
    async def listen(number: int) -> list[Event]:
        async with studio.events(subjects=f"chat_{number % 10}", after=0) as events:
            return [await anext(events), await anext(events)]

    async def everyone() -> list[list[Event]]:
        listening = [asyncio.create_task(listen(number)) for number in range(1000)]
        for _ in range(2):
            for number in range(10):
                await asyncio.to_thread(say, studio, "hello", subject=f"chat_{number}")
        return await asyncio.wait_for(asyncio.gather(*listening), 60)

    got = asyncio.run(everyone())
    assert [events[0].subject for events in got] == [events[1].subject for events in got]
    assert [events[0].subject for events in got] == [f"chat_{number % 10}" for number in range(1000)]


def test_waiting_with_a_time_limit_loses_nothing(studio: Studio) -> None:
    published = say(studio, *range(5))

    async def listen() -> list[Event]:
        got: list[Event] = []
        async with studio.events(after=0) as events:
            for wait in [0.0, 0.0001, 0.001] * 3 + [20.0] * 7:
                with contextlib.suppress(TimeoutError):
                    got.append(await asyncio.wait_for(anext(events), wait))
                if len(got) == 3:
                    published.extend(await asyncio.to_thread(say, studio, "a", "b"))
                if len(got) == 7:
                    break
        return got

    assert asyncio.run(listen())[:7] == published[:7]


def test_a_cancelled_listener_leaves(open_studio: OpenStudio) -> None:
    studio = open_studio()

    async def listen() -> None:
        async for _ in studio.events():
            raise AssertionError

    async def cancelled() -> None:
        task = asyncio.create_task(listen())
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    until(lambda: "events" not in {thread.name for thread in threading.enumerate()})


def test_a_tasks_events_come_on_an_event_loop(studio: Studio) -> None:
    async def listen() -> list[Event]:
        handle = await asyncio.to_thread(studio.submit, "exercise.wait", seconds=0.1)
        return [event async for event in handle.events()]

    events = asyncio.run(listen())
    assert (events[0].type, events[-1].type) == ("task.submitted", "task.completed")
    assert events == list(studio.handle(events[0].task_id).events())


# Results


def completions(studio: Studio) -> list[Event]:
    return list(studio.events(after=0, types="task.completed").stored())


def test_a_completion_has_the_result_that_its_task_keeps(studio: Studio) -> None:
    with studio.events(types="task.completed") as events:
        handle = studio.submit("exercise.wait")
        live = next(events)
    assert live.data["result"] == handle.result().model_dump(mode="json")
    assert [*live.data] == ["task_id", "result", "duration"]
    assert completions(studio) == [live]
    with studio._database.read() as connection:
        kept = connection.exec_driver_sql("SELECT data FROM events WHERE type = 'task.completed'").scalars().all()
    assert [[*json.loads(one)] for one in kept] == [["duration"]]


def test_a_task_that_was_sent_back_has_one_completion_with_its_last_result(studio: Studio) -> None:
    handle = studio.submit("exercise.wait", options=TaskOptions(reviewer="person"))
    for finish in (lambda name: studio.tasks.send_back(name, "again"), studio.tasks.accept):
        until(lambda: studio.tasks.get(handle.task_id).waits_for_person)
        finish(handle.task_id)
    (completed,) = completions(studio)
    assert completed.data["result"] == handle.result().model_dump(mode="json")


def test_a_deleted_task_has_no_events(studio: Studio) -> None:
    handle = studio.submit("exercise.wait")
    handle.result()
    studio.tasks.delete(handle.task_id)
    assert list(studio.events(after=0).stored()) == []


def test_an_event_of_an_earlier_version_that_has_its_result_is_equal(studio: Studio) -> None:
    studio.submit("exercise.wait").result()
    (new,) = completions(studio)
    earlier = update(events).where(events.c.seq == new.seq).values(data=json.dumps(new.data))
    studio._database.write(lambda transaction: transaction.execute(earlier))
    assert completions(studio) == [new]


# Functions


def test_a_function_is_called_with_each_event_even_after_it_raised(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    got: list[Event] = []

    def rude(event: Event) -> None:
        got.append(event)
        raise RuntimeError("no")

    stream = studio.events(after=0).call(rude)
    published = say(studio, *range(3))
    until(lambda: len(got) == 3)
    time.sleep(0.1)
    published += say(studio, "later")
    until(lambda: len(got) == 4)
    stream.close()
    assert got == published
    assert caplog.text.count("RuntimeError: no") == 1


def test_an_asynchronous_function_is_refused_because_nothing_would_await_it(studio: Studio) -> None:
    async def listen(event: Event) -> None: ...

    with pytest.raises(InvalidInput, match="cannot be asynchronous"):
        studio.events().call(listen)


def test_a_function_that_is_too_slow_delays_no_one(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "MOST_WAITING", 3)
    slow: list[Event] = []
    quick: list[Event] = []
    lost: list[EventsLost] = []
    go = threading.Event()

    def wait(event: Event) -> None:
        go.wait(20)
        slow.append(event)

    studio.events().call(wait, lost.append)
    studio.events().call(quick.append)
    published: list[Event] = []
    for number in range(10):
        published += say(studio, number)
        until(partial(caught_up, quick, number))
    go.set()
    until(lambda: lost)
    assert slow == published[: len(slow)]
    assert lost[0].seq == slow[-1].seq


def test_an_event_that_cannot_be_read_keeps_back_no_other(studio: Studio) -> None:
    """All are in one commit, so that the reader finds them at once."""
    with studio.events(types=MESSAGE) as stream:

        def operation(transaction: Transaction) -> None:
            for data in ('{"message": "1"}', "{", '{"message": "2"}'):
                event_log.publish(transaction, MESSAGE, "chat", data, Reach("local"), time.time())

        studio._database.write(operation)
        assert [event.data["message"] for event in heard(stream, 2)] == ["1", "2"]


TEXTS = st.text(st.characters(exclude_categories=()))
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | TEXTS


@given(data=st.dictionaries(TEXTS, SCALARS | st.lists(SCALARS, max_size=3), max_size=4))
def test_the_data_of_an_event_is_read_as_it_was_written(data: dict[str, Any]) -> None:
    assert json.loads(event_log.written(data)) == data
