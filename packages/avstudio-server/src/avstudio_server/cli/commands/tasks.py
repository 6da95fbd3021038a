"""`avstudio tasks`: the tasks that any command or program has submitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from avstudio_server.cli import completion, groups
from avstudio_server.cli.flags import DisplayFlags, DryRun, FileFlags, Json, RunFlags, TaskFlags, spread
from avstudio_server.cli.terminal import output

if TYPE_CHECKING:
    from avstudio_core import State, Studio
    from avstudio_server.cli.plans.work import Work

One = Annotated[
    str,
    typer.Argument(
        metavar="TASK", help="A task's id, or any part of it that no other task has.", autocompletion=completion.tasks
    ),
]
Several = Annotated[
    list[str],
    typer.Argument(
        metavar="TASK",
        help="Ids of tasks, or unique parts of them; a plan's id means all its tasks.",
        autocompletion=completion.tasks,
    ),
]

app = groups.app("Tasks: list, show, watch, cancel, retry, run, accept, send-back, delete.")


def command() -> Any:
    return groups.built(app)


@app.command("list", cls=groups.Command)
def list_(
    state: Annotated[
        list[str] | None,
        typer.Option(
            "--state",
            metavar="STATE",
            help="Only tasks in this state. Repeatable.",
            autocompletion=completion.states,
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="How many tasks to list. [default: 20]")
    ] = 20,
    as_json: Json = False,
) -> int:
    """List the newest tasks."""
    from avstudio_server.cli.text.tasks import task_table
    from avstudio_server.views.task_names import source_name
    from avstudio_server.views.tasks import states_named

    wanted = states_named(state or [])
    with _studio() as studio:
        found = studio.tasks.find(states=wanted, limit=limit)
        if as_json:
            output.write_json([task.model_dump(mode="json") for task in found])
        else:
            output.write(
                task_table(found, {one.id: source_name(studio, one) for one in found}) if found else "No tasks."
            )
    return 0


@app.command("show", cls=groups.Command)
def show(task: One, as_json: Json = False) -> int:
    """Show one task: its parameters, its result and its events."""
    from avstudio_server.cli.text.tasks import task_text
    from avstudio_server.views.tasks import task_data

    with _studio() as studio:
        data = task_data(studio, _named(studio, task))
    if as_json:
        output.write_json(data)
    else:
        output.write(task_text(data))
    return 0


@app.command("watch", cls=groups.Command)
@spread
def watch(tasks: Several, files: FileFlags, display: DisplayFlags) -> int:
    """Wait for tasks that run elsewhere, then show their results. Ctrl-C stops watching, not the tasks."""
    return watch_all(tasks, files, display)


def watch_all(tasks: list[str], files: FileFlags, display: DisplayFlags) -> int:
    """Wait for the tasks of these names, and show their results."""
    from avstudio_server.cli.plans import follow
    from avstudio_server.cli.plans.run import report
    from avstudio_server.cli.plans.work import conclude

    files.check()
    with _studio() as studio:
        work = _work(studio, _all(studio, tasks))
        assert work.plan is not None
        shown = follow.display_of(studio, [work.plan], quiet=display.quiet)
        try:
            with shown:
                for _ in follow.watch(studio, [work.plan], shown):
                    conclude(studio, work, RunFlags(TaskFlags(), files, display), shown)
        except KeyboardInterrupt:
            shown.note("Stopped watching. The tasks go on.")
            raise
        return report([work], as_json=display.as_json)


@app.command("retry", cls=groups.Command)
@spread
def retry(ctx: typer.Context, tasks: Several, files: FileFlags, display: DisplayFlags) -> int:
    """Run failed or blocked tasks again, with the tasks that they need or that they blocked, and show the results."""
    return retry_all(ctx, tasks, files, display)


def retry_all(ctx: typer.Context, tasks: list[str], files: FileFlags, display: DisplayFlags) -> int:
    """Run the failed and blocked tasks of these names again, and show the results."""
    from avstudio_core import State
    from avstudio_server.cli.plans.run import perform

    def submit(studio: Studio) -> list[Work]:
        freed: set[str] = set()
        for name in _all(studio, tasks, State.FAILED, State.BLOCKED):
            freed |= set() if name in freed else set(studio.retry(name))
        return [_work(studio, sorted({*freed, *_all(studio, tasks)}))]

    return perform(ctx.obj.settings, submit, RunFlags(TaskFlags(), files, display))


@app.command("cancel", cls=groups.Command)
def cancel(tasks: Several, as_json: Json = False) -> int:
    """Cancel tasks, and wait until they have stopped."""
    from avstudio_server.views.tasks import UNENDED, stopped_state

    with _studio() as studio:
        names = _all(studio, tasks, *UNENDED)
        studio.start()  # releases the tasks that a dead studio held
        for given in sorted(dict.fromkeys(reversed(tasks)), key=_is_plan):  # dependents before what they wait for
            _cancel(studio, given)
        found = {name: stopped_state(studio, name) for name in names}
    if as_json:
        output.write_json([{"task": name, "state": state} for name, state in found.items()])
    else:
        for name, state in found.items():
            output.write(f"{name}: {'cancelled' if state in ('FAILED', 'BLOCKED') else f'cancelling, still {state}'}")
    return 0


@app.command("run", cls=groups.Command)
@spread
def run(display: DisplayFlags) -> int:
    """Run the pending tasks that no other program runs, then exit. Ctrl-C returns tasks in progress to the queue."""
    from avstudio_server.cli.plans.drain import work_off

    return work_off(display)


@app.command("accept", cls=groups.Command)
def accept(task: One, as_json: Json = False) -> int:
    """Accept the result of a task that waits for a person's review."""
    from avstudio_core import State

    with _studio() as studio:
        name = _waiting(studio, task)
        studio.tasks.accept(name)
        accepted = studio.tasks.get(name)
        state = accepted.state
        others = studio.tasks.find(plan_id=accepted.plan_id, states=[State.PENDING])
    if as_json:
        output.write_json({"task": name, "state": state})
    else:
        then = " To run the next tasks of its pipe: avstudio tasks run" if others else ""
        output.write(f"{name}: the result is accepted, and the task is {state}.{then}")
    return 0


@app.command("send-back", cls=groups.Command)
def send_back(
    task: One,
    reason: Annotated[str, typer.Option("--reason", help="What is wrong; the next run receives it. [required]")],
    as_json: Json = False,
) -> int:
    """Send a result back for another run, with a reason."""
    with _studio() as studio:
        name = _waiting(studio, task)
        studio.tasks.send_back(name, reason)
    if as_json:
        output.write_json({"task": name, "state": "PENDING"})
    else:
        output.write(f"{name}: the result is sent back, and the task is PENDING. To run it again: avstudio tasks run")
    return 0


@app.command("delete", cls=groups.Command)
def delete(tasks: Several, dry_run: DryRun = False, as_json: Json = False) -> int:
    """Delete tasks that have ended, with their results, and the copies of sources that no other task uses."""
    from avstudio_server.cli.removals import told

    with _studio() as studio:
        removed = studio.tasks.delete(*_all(studio, tasks), dry_run=dry_run)
    return told(removed, dry_run=dry_run, as_json=as_json)


def _studio() -> Studio:
    from avstudio_core import Studio

    return Studio(own=True)


def _named(studio: Studio, task: str) -> str:
    from avstudio_server.views.task_names import task_id

    return task_id(studio, task)


def _is_plan(given: str) -> bool:
    return given.startswith("plan_")


def _cancel(studio: Studio, given: str) -> None:
    """Cancel a task, or all tasks of a plan at once. Raises `InvalidTransition` if nothing of it is left to cancel."""
    from avstudio_server.views.tasks import UNENDED

    if _is_plan(given) and studio.tasks.find(plan_id=given, states=UNENDED, limit=1):
        studio.tasks.cancel_plan(given)
    else:
        studio.tasks.cancel(_all(studio, [given])[0])


def _waiting(studio: Studio, task: str) -> str:
    """The id of a task that waits for a review. Raises `InvalidTransition`."""
    from avstudio_core.errors import InvalidTransition

    name = _named(studio, task)
    if not (found := studio.tasks.get(name)).waits_for_person:
        hint = "Only tasks in the state AWAITING_REVIEW can be accepted or sent back. See the list of tasks."
        raise InvalidTransition(f"Task '{name}' does not wait for a person's review: it is {found.state}.", hint=hint)
    return name


def _all(studio: Studio, names: list[str], *states: State) -> list[str]:
    from avstudio_server.views.task_names import task_ids

    return list(dict.fromkeys(one for name in names for one in task_ids(studio, name, states)))


def _work(studio: Studio, ids: list[str]) -> Work:
    from avstudio_core import PlanHandle
    from avstudio_server.cli.plans.work import Work

    return Work(PlanHandle(studio.tasks, "", {one: studio.handle(one) for one in ids}))
