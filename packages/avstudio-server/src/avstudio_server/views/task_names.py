"""What tasks are called: by what they do and to which file, or by their ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from avstudio_core.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from avstudio_core import State, Studio, Task

LEAST_LETTERS = 4
"""A part of an id that is shorter names nothing."""
TAIL = 6
LONGEST = 24
"""A longer name of a file is cut in the middle."""


def task_ids(studio: Studio, text: str, states: Collection[State] = ()) -> list[str]:
    """The tasks of a plan by its id, those in some states if there are any, or the one task that a text names.

    Raises what `task_id` raises.
    """
    plan = studio.tasks.find(plan_id=text) if text.startswith("plan_") else []
    return [task.id for task in plan if task.state in states] or [task.id for task in plan] or [task_id(studio, text)]


def task_id(studio: Studio, text: str) -> str:
    """The task that an id, or a part of one, names. Raises `NotFound`, or `InvalidInput` where several fit."""
    try:
        return studio.tasks.get(text).id
    except NotFound:
        found = studio.tasks.matching(text) if len(text) >= LEAST_LETTERS else []
        if len(found) == 1:
            return found[0]
        if found:
            raise InvalidInput(f"'{text}' fits {len(found)} tasks. Give more of the id.") from None
        raise


def source_name(studio: Studio, task: Task) -> str:
    """The file that a task's work began with; empty where there was none."""
    source = task.source or {}
    while "task" in source:
        source = studio.tasks.get(str(source["task"])).source or {}
    return studio.artifact(str(source["artifact"])).name if source else ""


def labels(studio: Studio, tasks: Sequence[Task]) -> dict[str, str]:
    """What tasks that are shown together are called: by processor; by step or file where that tells them apart."""
    times = Counter((task.plan_id, task.processor) for task in tasks)
    names = {
        task.id: task.processor if times[task.plan_id, task.processor] == 1 else f"{task.processor} ({task.step})"
        for task in tasks
    }
    if len({task.plan_id for task in tasks}) > 1:
        names = {task.id: f"{names[task.id]} {_short(source_name(studio, task))}".rstrip() for task in tasks}
    shared = Counter(names.values())
    tail = _tail([*names])
    return {one: name if shared[name] == 1 else f"{name} {one[-tail:]}" for one, name in names.items()}


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST // 2 - 1]}…{name[-LONGEST // 2 :]}"


def _tail(ids: Sequence[str]) -> int:
    """How many of their last letters tell ids apart."""
    return next((count for count in range(TAIL, 100) if len({one[-count:] for one in ids}) == len(ids)), TAIL)
