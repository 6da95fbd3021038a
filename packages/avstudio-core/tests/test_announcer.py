"""`event_published` and `studio_started`: the hooks that tell of a moment."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from avstudio_core import Studio

LISTENER = """
heard, started = [], []

@hookimpl
def event_published(event):
    heard.append(event)

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


def test_a_plugin_hears_that_a_studio_has_started(
    write_plugin: Callable[[str], ModuleType], open_studio: Callable[..., Studio]
) -> None:
    listener = write_plugin(LISTENER)
    assert listener.started == []
    studio = open_studio(listener)
    assert listener.started == [studio.id]
