"""`avstudio restore`: restore the data folder from a backup."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli import groups
from avstudio_server.cli.flags import Json
from avstudio_server.cli.terminal import output

Folder = Annotated[str, typer.Argument(metavar="DIR", help="The folder of the backups.")]
Snapshot = Annotated[
    str | None,
    typer.Option("--snapshot", metavar="ID", help="The snapshot, as 'verify' shows it. [default: the newest]"),
]
Force = Annotated[bool, typer.Option("--force", help="Move an existing data folder with work aside.")]
LeaveOut = Annotated[bool, typer.Option("--leave-out", help="Leave out stored files that the backup has lost.")]


def command() -> Any:
    return groups.single(restore, "restore")


def restore(
    ctx: typer.Context,
    folder: Folder,
    snapshot: Snapshot = None,
    force: Force = False,
    leave_out: LeaveOut = False,
    as_json: Json = False,
) -> int:
    """Restore the data folder. It takes its place in one step at the end, and no studio may be open on the old one."""
    from avstudio_server.cli.text.backups import restored_text
    from avstudio_server.views.backups import restored_data

    data = restored_data(ctx.obj.settings.home, folder, snapshot, replace=force, leave_out=leave_out)
    if as_json:
        output.write_json(data)
    else:
        output.write(restored_text(data))
    return 0
