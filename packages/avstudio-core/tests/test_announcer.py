"""`event_published`, `budget_spent` and `studio_started`: the hooks that tell of a moment."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from avstudio_core import Studio
from avstudio_core.chat import Account
from avstudio_core.gateway.ledger.calls import NewCall, Settled

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


def test_a_plugin_hears_of_its_studios_tasks_whoever_runs_them(
    write_plugin: Callable[[str], ModuleType], open_studio: Callable[..., Studio]
) -> None:
    listener = write_plugin(LISTENER)
    studio = open_studio(listener, workers=1)
    waiting = [studio.submit("exercise.wait", seconds=0.2) for _ in range(6)]
    open_studio().start()
    for handle in waiting:
        handle.result(20)
    studio.close()
    told = [event.task_id for event in listener.heard if event.type == "task.completed"]
    assert sorted(told) == sorted(handle.task_id for handle in waiting)


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
    ledger = open_studio(listener).ledger
    ledger.set_budget("global", "day", 100)
    call = NewCall(
        request_id="r", verb="chat", backend="b", model="m", account=Account(), most_micro=10, rule="default"
    )
    for _ in range(9):
        ledger.settle(ledger.reserve(call).result(), Settled("ok", cost_micro=10)).result()
    assert listener.alerted == [60, 80]
