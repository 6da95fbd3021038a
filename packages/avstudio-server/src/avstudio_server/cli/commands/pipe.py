"""`avstudio pipe`: several processors, each reading the output of the one before."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli import completion
from avstudio_server.cli.flags import DisplayFlags, FileFlags, RunFlags, TaskFlags, spread
from avstudio_server.cli.groups import single

Plan = Annotated[
    str,
    typer.Argument(
        metavar="PLAN",
        help="Steps such as 'audio.separate:vocals shifts=2 | audio.transcribe', a JSON file, or - for stdin.",
        autocompletion=completion.expressions,
    ),
]
Sources = Annotated[
    list[str] | None,
    typer.Argument(metavar="SOURCE", help="Files, or ids of stored artifacts; the plan runs on each."),
]


def command() -> Any:
    return single(spread(pipe), "pipe")


def pipe(
    ctx: typer.Context,
    plan: Plan,
    files: FileFlags,
    display: DisplayFlags,
    task: TaskFlags,
    sources: Sources = None,
) -> int:
    """Run several processors, each on the output of the one before.

    The whole plan is checked before anything runs. ':vocals' selects the file that the next step reads, and
    'name=value' sets a parameter.
    """
    from avstudio_server.cli.plans.run import plan_text, run_pipe

    return run_pipe(ctx.obj.settings, plan_text(plan), sources or (), RunFlags(task, files, display))
