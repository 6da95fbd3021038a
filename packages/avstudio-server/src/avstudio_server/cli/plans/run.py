"""The run of one command: submit, follow, export, print."""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_core.child_process import early_worker
from avstudio_core.errors import InvalidInput, InvalidPlan, StorageError
from avstudio_core.names import stem
from avstudio_core.paths import user_path
from avstudio_core.quotes import harmless, quoted
from avstudio_server.cli import debug
from avstudio_server.cli.flags import RunFlags
from avstudio_server.cli.plans.explain import explain
from avstudio_server.cli.plans.follow import display_of, watch
from avstudio_server.cli.plans.work import Work, conclude
from avstudio_server.cli.terminal import output
from avstudio_server.cli.terminal.interrupts import Interrupts
from avstudio_server.cli.text.results import results_text

if TYPE_CHECKING:
    from avstudio_core import CheckedStep, Plan, PlanHandle, Settings, Studio


def run_processor(
    settings: Settings, name: str, sources: Sequence[str], params: Mapping[str, Any], flags: RunFlags
) -> int:
    """Run one processor on each source, print the results, and return the exit code."""
    if flags.task.dry_run:
        return explain(partial(_check, name, params), sources, as_json=flags.display.as_json)
    return perform(settings, lambda studio: _submit(studio, name, sources, params, flags), flags)


def run_pipe(settings: Settings, text: str, sources: Sequence[str], flags: RunFlags) -> int:
    """Run a plan (an expression or JSON) on each source, print the results of its steps, and return the exit code."""
    if flags.task.dry_run:
        return explain(
            lambda studio, source: studio.check_plan(_plan(text), source), sources, as_json=flags.display.as_json
        )
    return perform(settings, lambda studio: _submit_plan(studio, text, sources, flags), flags)


def perform(settings: Settings, submit: Callable[[Studio], list[Work]], flags: RunFlags) -> int:
    """Open a studio that runs only what this command submits; return the exit code when all of it has ended."""
    flags.files.check()
    with early_worker(settings), debug.library_log(), _own_studio() as studio:
        since = time.time()
        works = submit(studio)
        plans = {work.plan: work for work in works if work.plan is not None}
        shown = display_of(studio, [*plans], quiet=flags.display.quiet)
        stuck: list[StorageError] = []

        def stop() -> None:
            shown.note("Cancelling. Press Ctrl-C again to exit at once.")
            try:
                for plan in plans:
                    plan.cancel()
            except StorageError as error:
                stuck.append(error)

        def check() -> None:
            if stuck:
                raise stuck[0]

        for work in works:
            if work.plan is None:
                shown.note(f"{work.source}: {work.error}")
        with shown, Interrupts(stop) as interrupts:
            for plan in watch(studio, [*plans], shown, since=since, check=check):
                conclude(studio, plans[plan], flags, shown)
        if interrupts.received and (left := [work.name for work in plans.values() if work.error]):
            shown.note(f"To run it again: avstudio tasks retry {' '.join(left)}")
        return report(works, as_json=flags.display.as_json)


def report(works: list[Work], *, as_json: bool) -> int:
    """Print the results of all work and return the highest exit code. If there is only one, its error is raised."""
    if [work.source for work in works] == [None]:
        [only] = works
        if only.error is not None:
            raise only.error
        output.write_json(only.data()) if as_json else _write(results_text(only.results))
    elif as_json:
        output.write_json({"results": [{"source": work.source, **work.data()} for work in works]})
    else:
        _write("\n".join(_titled(work) for work in works if not work.error))
        if failed := sum(work.error is not None for work in works):
            output.note(f"avstudio: {failed} of {len(works)} sources have no result.")
    return max(work.code for work in works)


def plan_text(plan: str) -> str:
    """The text of a plan that was given as an expression, as a file, or as `-` for stdin. Raises `InvalidInput`."""
    if plan == "-":
        return sys.stdin.read()
    if not plan.endswith(".json"):
        return plan
    path = user_path(plan)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise InvalidInput(
            f"The plan {quoted(path)} cannot be read: {getattr(error, 'strerror', None) or error}."
        ) from None


def _write(text: str) -> None:
    if text:
        output.write(text)


def _titled(work: Work) -> str:
    return f"{harmless(str(work.source))}:\n{textwrap.indent(results_text(work.results), '  ')}"


def _own_studio() -> Studio:
    """A studio, imported late: the import takes a third of a second, and the worker starts meanwhile."""
    from avstudio_core import Studio

    return Studio(own=True)


def _submit(
    studio: Studio, name: str, sources: Sequence[str], params: Mapping[str, Any], flags: RunFlags
) -> list[Work]:
    from avstudio_core import Plan, Step
    from avstudio_core.plans.check import alone

    plan = Plan(steps=(Step.of(studio.processor(name), params),))

    def submit(source: str | None) -> PlanHandle:
        try:
            return studio.submit_plan(plan, source, options=flags.task.options())
        except InvalidPlan as error:
            raise alone(error) from None

    return _each(submit, sources, flags)


def _submit_plan(studio: Studio, text: str, sources: Sequence[str], flags: RunFlags) -> list[Work]:
    plan = _plan(text)
    return _each(lambda source: studio.submit_plan(plan, source, options=flags.task.options()), sources, flags)


def _plan(text: str) -> Plan:
    """A plan from an expression or JSON."""
    from avstudio_core import Plan

    return Plan.from_json(text) if text.lstrip().startswith("{") else Plan.parse(text)


def _check(name: str, params: Mapping[str, Any], studio: Studio, source: str | None) -> list[CheckedStep]:
    from avstudio_core import Plan, Step
    from avstudio_core.plans.check import alone

    try:
        return studio.check_plan(Plan(steps=(Step.of(studio.processor(name), params),)), source)
    except InvalidPlan as error:
        raise alone(error) from None


def _each(submit: Callable[[str | None], PlanHandle], sources: Sequence[str], flags: RunFlags) -> list[Work]:
    """Submit the same work for each source; a source that cannot be used does not stop the others."""
    named = list(dict.fromkeys(sources))
    if len(named) < 2:
        return [Work(submit(next(iter(named), None)))]
    if file := flags.files.file:
        message = f"'--output' is the name of one file, {quoted(file)}, and there are {len(named)} sources."
        raise InvalidInput(message, hint="Name a folder.")
    if flags.files.folder:
        _refuse_equal_names(named)
    works: list[Work] = []
    try:
        for source in named:
            try:
                works.append(Work(submit(source), source))
            except InvalidInput as error:
                works.append(Work(None, source, error=error))
    except KeyboardInterrupt:
        for work in works:
            if work.plan is not None:
                work.plan.cancel()
        raise
    if works[0].error is not None and len({str(work.error) for work in works}) == 1:
        raise works[0].error
    return works


def _refuse_equal_names(sources: Sequence[str]) -> None:
    """Refuse sources whose results would have the same file names. Raises `InvalidInput`."""
    known: dict[str, str] = {}
    for source in sources:
        first = known.setdefault(stem(Path(source).name).casefold(), source)
        if first != source:
            both = f"{quoted(Path(first))} and {quoted(Path(source))}"
            raise InvalidInput(
                f"{both} have the same name, and so would their results in one folder.",
                hint="Run the command once for each, with different folders.",
            )
