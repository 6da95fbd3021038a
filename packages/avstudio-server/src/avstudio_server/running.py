"""Running work for one command: submit, follow, export, print."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import AVStudioError, InvalidInput, InvalidPlan, StorageError, TaskBlocked
from avstudio_core.tasks.process import early_worker
from avstudio_server.answers import Answer, answer, export, printed
from avstudio_server.exits import DONE, WAITING
from avstudio_server.flags import Asked
from avstudio_server.installed import settings
from avstudio_server.interrupts import Interrupts
from avstudio_server.progress import Display
from avstudio_server.watching import current, display_of, watch

if TYPE_CHECKING:
    from avstudio_core.handle import PlanHandle
    from avstudio_core.studio import Studio
    from avstudio_core.tasks.task import Task
    from avstudio_server.trouble import Trouble


def run_processor(name: str, source: str | None, params: Mapping[str, Any], asked: Asked) -> int:
    """Run one processor and print its result; give the exit code."""
    return perform(lambda studio: _submit(studio, name, source, params, asked), asked)


def run_pipe(text: str, source: str | None, asked: Asked) -> int:
    """Run a plan, an expression or JSON, and print the results of its steps; give the exit code."""
    return perform(lambda studio: _submit_plan(studio, text, source, asked), asked)


def perform(submit: Callable[[Studio], PlanHandle], asked: Asked) -> int:
    """Open a studio that runs only what this command submits, and see that through."""
    asked.files.check()
    with early_worker(settings()), _own_studio() as studio, _trouble() as trouble:
        plan = submit(studio)
        shown = display_of(plan, quiet=asked.say.quiet)

        def stop() -> None:
            shown.note("Cancelling. Press Ctrl-C again to leave at once.")
            trouble.hurry()
            try:
                plan.cancel()
            except StorageError as error:
                trouble.tell(error)

        with shown, Interrupts(stop) as interrupts:
            watch(studio, plan, shown, check=trouble.check)
        if interrupts.heard:
            first = next(iter(plan.steps.values()))
            shown.note(f"To run it after all: avstudio tasks retry {first.task_id}")
        return conclude(studio, plan, asked, shown)


def _own_studio() -> Studio:
    """Imported late: it takes a third of a second, in which the worker starts, too."""
    from avstudio_core.studio import Studio

    return Studio(own=True)


def _trouble() -> Trouble:
    """Imported late, too."""
    from avstudio_server.trouble import Trouble

    return Trouble()


def conclude(studio: Studio, plan: PlanHandle, asked: Asked, shown: Display) -> int:
    """Export and print what the steps made. Raises what kept a step from its result."""
    from avstudio_core.tasks.states import State

    tasks = current(plan)
    if failure := _failure(tasks):
        raise failure
    waiting = [task for task in tasks if task.state is State.AWAITING_REVIEW]
    answers = [answer(task, studio.result_of(task)) for task in tasks if task.result is not None]
    if not waiting:
        export(studio, answers, asked.files)
    _warn(answers, shown)
    for task in waiting:
        shown.note(f"'{task.step}' waits for your review. Accept it: avstudio tasks accept {task.id}")
    say(answers, single=len(tasks) == 1, as_json=asked.say.as_json)
    return WAITING if waiting else DONE


def say(answers: list[Answer], *, single: bool, as_json: bool) -> None:
    """Print results on stdout."""
    if not as_json:
        if text := printed(answers):
            print(text)
    elif single:
        say_json(answers[0].as_json())
    else:
        times = Counter(one.task.step for one in answers)
        named = {one.task.step if times[one.task.step] == 1 else one.task.id: one for one in answers}
        say_json({"steps": {name: one.as_json() for name, one in named.items()}})


def say_json(value: Any) -> None:
    """Print the one JSON document of a command."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def plan_text(plan: str) -> str:
    """A plan that was given as an expression, as a file, or as `-` for stdin. Raises `InvalidInput`."""
    if plan == "-":
        return sys.stdin.read()
    path = Path(plan)
    if path.suffix != ".json":
        return plan
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise InvalidInput(f"The plan '{plan}' cannot be read: {error}.") from None


def _submit(studio: Studio, name: str, source: str | None, params: Mapping[str, Any], asked: Asked) -> PlanHandle:
    from avstudio_core.plan import Plan, Step, alone, parameters

    parameters(studio.processor(name), params)  # refused as parameters, not as a plan
    step = Step(id=name.rpartition(".")[2], processor=name, params=dict(params))
    try:
        return studio.submit_plan(Plan(steps=(step,)), source, options=asked.task.options())
    except InvalidPlan as error:
        raise alone(error) from None


def _submit_plan(studio: Studio, text: str, source: str | None, asked: Asked) -> PlanHandle:
    from avstudio_core.plan import Plan

    plan = Plan.from_json(text) if text.lstrip().startswith("{") else Plan.parse(text)
    return studio.submit_plan(plan, source, options=asked.task.options())


def _failure(tasks: list[Task]) -> AVStudioError | None:
    """Why the tasks did not all come to a result: the cause before what it blocked."""
    failures = [failure for task in tasks if (failure := task.failure())]
    return next((one for one in failures if not isinstance(one, TaskBlocked)), next(iter(failures), None))


def _warn(answers: list[Answer], shown: Display) -> None:
    for one in answers:
        for warning in one.result.warnings:
            shown.note(f"Warning ({one.task.processor}, {warning.code}): {warning.message}")
