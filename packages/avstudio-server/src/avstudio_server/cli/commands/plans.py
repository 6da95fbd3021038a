"""`avstudio plans`: the plans that any command or program has submitted."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli import completion, groups
from avstudio_server.cli.commands import tasks
from avstudio_server.cli.flags import DisplayFlags, DryRun, FileFlags, Json, spread
from avstudio_server.cli.terminal import output

One = Annotated[str, typer.Argument(metavar="PLAN", help="The id of a plan.", autocompletion=completion.tasks)]
Several = Annotated[list[str], typer.Argument(metavar="PLAN", help="Ids of plans.", autocompletion=completion.tasks)]

app = groups.app("Plans: list, show, watch, cancel, retry, delete.")


def command() -> Any:
    return groups.built(app)


@app.command("list", cls=groups.Command)
def list_(
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="How many plans to list. [default: 20]")
    ] = 20,
    as_json: Json = False,
) -> int:
    """List the newest plans. A command of one processor is a task, and not among them."""
    from avstudio_core import Studio
    from avstudio_server.cli.text.plans import plan_table
    from avstudio_server.views.plans import kept_data

    with Studio(own=True) as studio:
        found = studio.tasks.plans.find(limit=limit)
    if as_json:
        output.write_json([kept_data(one) for one in found])
    else:
        output.write(plan_table(found) if found else "No plans.")
    return 0


@app.command("show", cls=groups.Command)
def show(
    plan: One,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="How many tasks to show, the first ones. [default: 200]")
    ] = 200,
    as_json: Json = False,
) -> int:
    """Show one plan as it was written, and its tasks."""
    from avstudio_core import Studio
    from avstudio_server.cli.text.plans import kept_text
    from avstudio_server.cli.text.tasks import task_table
    from avstudio_server.views.plans import kept_data
    from avstudio_server.views.task_names import source_name

    with Studio(own=True) as studio:
        kept = studio.tasks.plans.get(plan)
        found = studio.tasks.steps(plan, limit).items if kept.states else []
        names = {one.id: source_name(studio, one) for one in found}
    if as_json:
        output.write_json(kept_data(kept) | {"tasks": [task.model_dump(mode="json") for task in found]})
    else:
        output.write(f"{kept_text(kept)}\n{task_table(found, names)}")
    if (total := sum(kept.states.values())) > limit:
        output.note(f"These are the first {limit} of {total} tasks: show more with '--limit'.")
    return 0


@app.command("watch", cls=groups.Command)
@spread
def watch(plans: Several, files: FileFlags, display: DisplayFlags) -> int:
    """Wait for plans that run elsewhere, then show their results. Ctrl-C stops watching, not the plans."""
    return tasks.watch_all(_known(plans), files, display)


@app.command("retry", cls=groups.Command)
@spread
def retry(ctx: typer.Context, plans: Several, files: FileFlags, display: DisplayFlags) -> int:
    """Run the failed and blocked tasks of plans again, and show the results."""
    return tasks.retry_all(ctx, _known(plans), files, display)


@app.command("cancel", cls=groups.Command)
def cancel(plans: Several, as_json: Json = False) -> int:
    """Cancel the tasks of plans, and wait until they have stopped."""
    return tasks.cancel(_known(plans), as_json)


@app.command("delete", cls=groups.Command)
def delete(plans: Several, dry_run: DryRun = False, as_json: Json = False) -> int:
    """Delete plans that have ended, with their tasks and files."""
    return tasks.delete(_known(plans), dry_run, as_json)


def _known(given: list[str]) -> list[str]:
    """The ids of plans. Raises `NotFound` for what is not one, such as the id of a task."""
    from avstudio_core.errors import NotFound
    from avstudio_core.quotes import quoted

    for one in given:
        if not one.startswith("plan_"):
            raise NotFound(f"No plan has the id {quoted(one)}.", hint="See the list of plans.")
    return given
