"""`avstudio backup`: back up the data folder."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli import groups
from avstudio_server.cli.flags import Json
from avstudio_server.cli.terminal import output

Folder = Annotated[str, typer.Argument(metavar="DIR", help="The folder of the backups, such as one on another disk.")]
Keep = Annotated[
    int | None,
    typer.Option("--keep", metavar="N", help="Keep the newest N snapshots, and remove others. [default: all]"),
]


def command() -> Any:
    return groups.single(backup, "backup")


def backup(ctx: typer.Context, folder: Folder, keep: Keep = None, as_json: Json = False) -> int:
    """Add a snapshot of the database and all stored files to a folder. Studios may write meanwhile.

    Only what earlier snapshots lack is copied. Fetched models, and what the secret stores keep, are not in a backup.
    """
    from avstudio_server.cli.text.backups import absent_text, backup_text
    from avstudio_server.views.backups import backed_up_data

    data = backed_up_data(ctx.obj.settings.home, folder, keep)
    if as_json:
        output.write_json(data)
        return 0
    output.write(backup_text(data))
    for line in absent_text(data["absent"]):
        output.note(line)
    return 0
