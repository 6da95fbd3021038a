"""Names of tasks: their processor and file for people, and their ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from avstudio_core.errors import InvalidInput, NotFound
from avstudio_core.quotes import quoted

if TYPE_CHECKING:
    from avstudio_core import State, Studio, Task

LEAST_LETTERS = 4
"""The shortest part of an id that is accepted."""
TAIL = 6
LONGEST = 24
"""The longest file name; longer names are cut in the middle."""


def task_ids(studio: Studio, text: str, states: Collection[State] = ()) -> list[str]:
    """The tasks of a plan, if the text is its id, and otherwise the one task that the text identifies.

    Of a plan, only tasks in the given states, or all if none is in them. Raises what `task_id` raises.
    """
    if not text.startswith("plan_"):
        return [task_id(studio, text)]
    plan = studio.tasks.find(plan_id=text)
    return [task.id for task in plan if task.state in states] or [task.id for task in plan]


def task_id(studio: Studio, text: str) -> str:
    """The task with that id, or with that part of an id. Raises `NotFound`, or `InvalidInput` if several match."""
    try:
        return studio.tasks.get(text).id
    except NotFound:
        found = studio.tasks.matching(text) if len(text) >= LEAST_LETTERS else []
        if len(found) == 1:
            return found[0]
        if found:
            raise InvalidInput(f"{quoted(text)} matches {len(found)} tasks.", hint="Give more of the id.") from None
        raise


def source_name(studio: Studio, task: Task) -> str:
    """The name of the file at the start of a task's chain of steps; empty if there is none."""
    source = task.source or {}
    while "task" in source:
        source = studio.tasks.get(str(source["task"])).source or {}
    return studio.artifact(str(source["artifact"])).name if source else ""


def labels(studio: Studio, tasks: Sequence[Task]) -> dict[str, str]:
    """Distinct names for tasks that are shown together: the processor, with step, file or id where necessary."""
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
    """How many of their last characters distinguish the ids."""
    return next((count for count in range(TAIL, 100) if len({one[-count:] for one in ids}) == len(ids)), TAIL)
