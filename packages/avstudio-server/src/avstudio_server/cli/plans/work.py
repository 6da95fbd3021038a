"""The work of one command, and its results."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import AVStudioError, TaskBlocked, TaskCancelled
from avstudio_core.names import stem
from avstudio_server.cli import hints
from avstudio_server.cli.exits import DONE, WAITING, error_data, exit_code
from avstudio_server.cli.plans.export import export
from avstudio_server.cli.plans.follow import current
from avstudio_server.views.results import StepResult, step_result
from avstudio_server.views.task_names import source_name

if TYPE_CHECKING:
    from avstudio_core import PlanHandle, Studio, Task
    from avstudio_server.cli.flags import RunFlags
    from avstudio_server.cli.terminal.display import Display


@dataclass
class Work:
    """A plan and its results; a command with several sources has one for each."""

    plan: PlanHandle | None
    source: str | None = None
    error: AVStudioError | None = None
    results: list[StepResult] = field(default_factory=list)
    waits: bool = False

    @property
    def name(self) -> str:
        """The id by which `avstudio tasks` knows it."""
        if self.plan is None:
            return ""
        first = next(iter(self.plan.steps.values())).task_id
        return self.plan.plan_id or first if len(self.plan.steps) > 1 else first

    @property
    def code(self) -> int:
        """Its exit code."""
        return exit_code(self.error) if self.error else WAITING if self.waits else DONE

    def data(self) -> dict[str, Any]:
        """The outcome as JSON data: the result of its step, the results of several steps by name, or the error."""
        if self.error is not None:
            return error_data(self.error)
        if self.plan is not None and len(self.plan.steps) == 1:
            return self.results[0].data()
        times = Counter(one.task.step for one in self.results)
        named = {one.task.step if times[one.task.step] == 1 else one.task.id: one for one in self.results}
        return {"steps": {name: one.data() for name, one in named.items()}}


def conclude(studio: Studio, work: Work, flags: RunFlags, shown: Display) -> None:
    """Export the results of finished work, and print its warnings and what waits for a review."""
    assert work.plan is not None
    tasks = current(work.plan)
    waiting = [task for task in tasks if task.waits_for_person]
    try:
        _raise_failure(tasks, shown)
        work.results = [step_result(task, studio.result_of(task)) for task in tasks if task.result is not None]
        if not waiting:
            export(studio, work.results, flags.files, prefix=_prefix(studio, work))
    except AVStudioError as error:
        work.error = error
        if work.source is not None and not isinstance(error, TaskCancelled):
            shown.note(f"{work.source}: {hints.shown(error)}")
        return
    work.waits = bool(waiting)
    _warn(work.results, shown)
    for task in waiting:
        shown.note(f"'{task.step}' waits for your review. Accept it: avstudio tasks accept {task.id}")


def note_failures(failures: dict[str, AVStudioError], shown: Display) -> None:
    """Print why tasks failed; blocked and cancelled tasks have already been shown."""
    for task_id, error in failures.items():
        if not isinstance(error, TaskBlocked | TaskCancelled):
            shown.note(f"{shown.labels[task_id]}: {hints.shown(error)}")


def failures_of(tasks: list[Task]) -> dict[str, AVStudioError]:
    """The errors of tasks without a result, by task id."""
    return {task.id: failure for task in tasks if (failure := task.failure())}


def _raise_failure(tasks: list[Task], shown: Display) -> None:
    """Raise the first failure, a cause rather than a task that it blocked, and print the others."""
    failures = failures_of(tasks)
    causes = [name for name, one in failures.items() if not isinstance(one, TaskBlocked)]
    if failures:
        first = failures.pop((causes or [*failures])[0])
        note_failures(failures, shown)
        raise first


def _prefix(studio: Studio, work: Work) -> str:
    """The prefix of its file names, if other work writes into the same folder."""
    return stem(source_name(studio, work.results[0].task)) if work.source is not None else ""


def _warn(results: list[StepResult], shown: Display) -> None:
    for one in results:
        label = shown.labels[one.task.id]
        for warning in one.result.warnings:
            shown.note(f"Warning ({label}, {warning.code}): {warning.message}")
        if not one.result.warnings and getattr(one.result, "text", None) == "":
            shown.note(f"{label}: the text is empty.")
        for artifact in one.artifacts.values():
            if artifact.size == 0:
                shown.note(f"{label}: the file '{artifact.name}' is empty.")
