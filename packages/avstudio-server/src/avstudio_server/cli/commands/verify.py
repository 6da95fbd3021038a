"""`avstudio verify`: list the snapshots of a backup, and check them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli import groups
from avstudio_server.cli.flags import Json
from avstudio_server.cli.terminal import output

Folder = Annotated[str, typer.Argument(metavar="DIR", help="The folder of the backups.")]


def command() -> Any:
    return groups.single(verify, "verify")


def verify(folder: Folder, as_json: Json = False) -> int:
    """Read every file of a backup, compare it with its sha256, and check the databases.

    The exit code is 4 if something is missing or damaged.
    """
    from avstudio_server.cli.exits import DONE, STORAGE
    from avstudio_server.cli.text.backups import verified_text
    from avstudio_server.views.backups import verified_data

    data = verified_data(folder)
    if as_json:
        output.write_json(data)
    else:
        output.write(verified_text(data))
    return STORAGE if data["flaws"] else DONE
