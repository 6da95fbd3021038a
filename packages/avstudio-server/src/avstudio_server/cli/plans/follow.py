"""The progress of tasks, shown to a person until they end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from avstudio_server.cli import debug
from avstudio_server.cli.terminal.display import Display, duration_text
from avstudio_server.cli.terminal.displays import display
from avstudio_server.views.task_names import labels

if TYPE_CHECKING:
    from avstudio_core import Event, PlanHandle, Studio, Task

MOST_PERCENT = 99.0
"""The highest percentage shown for a step that has not ended: its review may send it back."""
LOOK_SECONDS = 0.2
"""How often to poll for events of tasks that another program may be running; our own notify us at once."""


def nothing() -> None:
    """The default check: it does nothing."""


def watch(
    studio: Studio,
    plans: Sequence[PlanHandle],
    shown: Display,
    *,
    since: float = 0.0,
    check: Callable[[], None] = nothing,
) -> Iterator[PlanHandle]:
    """Show the events since a time; yield each plan when all its tasks have ended or wait for a person.

    `check` is called between polls; an exception from it ends the loop. Raises the error of a lasting outage.
    """
    under_way = list(plans)
    ids = [handle.task_id for plan in plans for handle in plan.steps.values()]
    with studio.events(subjects=ids, after=0) as events:
        while under_way:
            over = [plan for plan in under_way if at_rest(studio, plan)]
            for event in events.stored():
                if event.time >= since:
                    show(event, shown)
            for plan in over:
                under_way.remove(plan)
                yield plan
            if not over:
                check()
                if studio.outage is not None:
                    raise studio.outage
                events.wait(LOOK_SECONDS)


def current(plan: PlanHandle) -> list[Task]:
    """The tasks of a plan as they are now."""
    return [handle.task() for handle in plan.steps.values()]


def display_of(studio: Studio, plans: Sequence[PlanHandle], *, quiet: bool) -> Display:
    """The display for all steps of some plans."""
    return display(labels(studio, [task for plan in plans for task in current(plan)]), quiet=quiet)


def at_rest(studio: Studio, plan: PlanHandle) -> bool:
    """Whether every task has ended, waits for a person, or waits for one of them that does."""
    ids = [handle.task_id for handle in plan.steps.values()]
    return len(studio.tasks.at_rest(ids)) == len(ids)


def show(event: Event, shown: Display) -> None:
    """Show one event."""
    data, key = event.data, event.task_id
    label = shown.labels[key]
    match event.type:
        case "task.started":
            shown.begin(key)
        case "task.progress":
            shown.move(key, min(float(str(data["percent"])), MOST_PERCENT), str(data["message"]))
        case "task.completed":
            shown.end(key, _completed(data), done=True)
        case "task.failed":
            shown.end(key, "cancelled" if data["code"] == "cancelled" else "failed")
        case "task.blocked":
            shown.end(key, "cancelled" if data["reason"] == "cancelled" else "not run")
        case "task.retried" if data.get("pause"):
            shown.note(f"{label}: retrying in {duration_text(float(str(data['pause'])))}")
        case "task.reviewing":
            _show_review(event, shown)
        case "task.log" if debug.wanted():
            shown.note(f"{label}| {data['message']}")


def _show_review(event: Event, shown: Display) -> None:
    """Show that a review by a person or by the processor begins, or that it has sent the run back."""
    key = event.task_id
    if event.data["reviewer"] == "person":
        shown.end(key, "done, waits for a review")
    elif "reason" in event.data:
        shown.note(f"{shown.labels[key]}: sent back by its review: {event.data['reason']}")
        shown.begin(key, again=True)
    else:
        shown.move(key, MOST_PERCENT, "reviewing the result")


def _completed(data: Mapping[str, object]) -> str:
    result = data["result"]
    if isinstance(result, dict) and result.get("cache_hit"):
        return "cached: the result of an earlier identical run"
    return f"done in {duration_text(float(str(data['duration'])))}"
