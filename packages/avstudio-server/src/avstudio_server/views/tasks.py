"""Tasks, as data."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from avstudio_core import State
from avstudio_core.errors import NotFound
from avstudio_core.tasks.states import ENDED
from avstudio_server.views.results import step_result
from avstudio_server.views.task_names import source_name

if TYPE_CHECKING:
    from avstudio_core import Studio

UNENDED = tuple(state for state in State if state not in ENDED)


def states_named(names: Sequence[str]) -> list[State]:
    """States by their names, in upper or lower case. Raises `NotFound`."""
    known = {str(state): state for state in State}
    wanted = [name.upper().replace("-", "_") for name in names]
    for name in wanted:
        if name not in known:
            raise NotFound.among("state", name, known)
    return [known[name] for name in wanted]


def task_data(studio: Studio, name: str) -> dict[str, Any]:
    """All data of a task, with the paths of its files and its events."""
    task = studio.tasks.get(name)
    files = step_result(task, studio.result_of(task)).files if task.result is not None else {}
    events = [event.model_dump(mode="json") for event in studio.events(subjects=name, after=0).stored()]
    shown = task.model_dump(mode="json") | {"source_name": source_name(studio, task)}
    return shown | {"files": {key: str(path) for key, path in files.items()}, "events": events}


def stopped_state(studio: Studio, name: str) -> State:
    """The state of a cancelled task, after waiting as long as stopping may take."""
    deadline = time.monotonic() + studio.settings.cancel_seconds + studio.settings.lease_seconds / 4 + 5
    while (state := studio.tasks.get(name).state) not in ENDED and time.monotonic() < deadline:
        time.sleep(0.05)
    return state
