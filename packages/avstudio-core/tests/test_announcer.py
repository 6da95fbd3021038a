"""The event hooks `event_published`, `budget_spent` and `studio_started`."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType

import pytest

from avstudio_core import Studio
from avstudio_core.chat import Account
from avstudio_core.gateway.ledger.call_facts import NewCall, Settled

LISTENER = """
heard, alerted, started = [], [], []

@hookimpl
def event_published(event):
    heard.append(event)

@hookimpl
def budget_spent(alert):
    alerted.append(alert.percent)

@hookimpl
def studio_started(studio):
    started.append(studio.id)
"""


def test_a_plugin_hears_of_every_event_in_order(
    write_plugin: Callable[[str], ModuleType], open_studio: Callable[..., Studio]
) -> None:
    listener = write_plugin(LISTENER)
    studio = open_studio(listener)
    handle = studio.submit("exercise.wait")
    told = list(handle.events())
    studio.close()
    assert listener.heard == told
    assert [event.type for event in told][:2] == ["task.submitted", "task.started"]
    assert told[-1].type == "task.completed"


def test_a_plugin_hears_the_events_of_every_studio_once_and_in_order(
    write_plugin: Callable[[str], ModuleType], open_studio: Callable[..., Studio]
) -> None:
    listeners = [write_plugin(LISTENER) for _ in range(2)]
    studios = [open_studio(listener) for listener in listeners]
    handles = [studio.submit("exercise.wait", seconds=0.01) for studio in (*studios, open_studio()) for _ in range(4)]
    for handle in handles:
        handle.result(20)
    told = list(studios[0].events(after=0).stored())
    for studio in studios:
        studio.close()
    assert {event.task_id for event in told} == {handle.task_id for handle in handles}
    assert [listener.heard for listener in listeners] == [told, told]


def test_a_plugin_hears_that_a_studio_has_started(
    write_plugin: Callable[[str], ModuleType], open_studio: Callable[..., Studio]
) -> None:
    listener = write_plugin(LISTENER)
    assert listener.started == []
    studio = open_studio(listener)
    assert listener.started == [studio.id]


def test_a_plugin_hears_once_of_each_part_of_a_budget_that_is_spent(
    write_plugin: Callable[[str], ModuleType], open_studio: Callable[..., Studio]
) -> None:
    listener = write_plugin(LISTENER)
    studio = open_studio(listener)
    ledger = studio.ledger
    ledger.set_budget("global", "day", 100)
    call = NewCall(
        request_id="r", verb="chat", backend="b", model="m", account=Account(), most_micro=10, rule="default"
    )
    for _ in range(9):
        ledger.settle(ledger.reserve(call).result(), Settled("ok", cost_micro=10)).result()
    studio.close()
    assert listener.alerted == [60, 80]


RUDE = """
import asyncio, threading, time
HEARD, LEFT = [], threading.Event()

@hookimpl
def event_published(event):
    HEARD.append(event.type)
    {does}
"""


@pytest.mark.parametrize("does", ["raise SystemExit(3)", "raise RuntimeError('no')", "import os; os._exit(3)"])
def test_a_hook_that_raises_is_called_again_and_shown(
    write_plugin: Callable[[str], ModuleType], open_studio: Callable[..., Studio], does: str
) -> None:
    rude = write_plugin(RUDE.format(does=does))
    studio = open_studio(rude)
    told = [event.type for event in studio.submit("exercise.wait").events()]
    studio.close()
    assert told == rude.HEARD
    (trouble,) = studio.plugins.troubles(studio.plugins.installed[rude.__name__])
    assert trouble.what == "'event_published'"
    other = open_studio(rude)
    assert other.plugins.troubles(other.plugins.installed[rude.__name__]) == [trouble]


def test_a_slow_hook_delays_no_one(
    write_plugin: Callable[[str], ModuleType], open_studio: Callable[..., Studio]
) -> None:
    slow = write_plugin(RUDE.format(does="LEFT.wait(60)"))
    quick = write_plugin(LISTENER)
    studio = open_studio(slow, quick)
    handle = studio.submit("exercise.wait")
    handle.result(20)
    began = time.monotonic()
    studio.close()
    assert time.monotonic() - began < 20
    assert quick.heard[-1].type == "task.completed"
    assert slow.HEARD == ["task.submitted"]
    slow.LEFT.set()
    (trouble,) = studio.plugins.troubles(studio.plugins.installed[slow.__name__])
    assert "is too slow" in trouble.reason


def test_an_async_hook_is_awaited(
    write_plugin: Callable[[str], ModuleType], open_studio: Callable[..., Studio]
) -> None:
    source = RUDE.replace("def event", "async def event").format(does="await asyncio.sleep(0); HEARD.append('awaited')")
    listener = write_plugin(source)
    studio = open_studio(listener)
    studio.submit("exercise.wait").result(20)
    studio.close()
    assert listener.HEARD[:2] == ["task.submitted", "awaited"]


@pytest.mark.parametrize("does", ["raise SystemExit(3)", "time.sleep(60)", "import os; os._exit(3)"])
def test_a_studio_starts_whatever_a_plugin_does_about_it(
    write_plugin: Callable[[str], ModuleType], open_studio: Callable[..., Studio], does: str
) -> None:
    rude = write_plugin(f"import time\n@hookimpl\ndef studio_started(studio):\n    {does}")
    studio = open_studio(rude)
    studio.submit("exercise.wait").result(20)
    (trouble,) = studio.plugins.troubles(studio.plugins.installed[rude.__name__])
    assert trouble.what == "'studio_started'"
