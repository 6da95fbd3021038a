"""`avstudio owners`: those whose work the studio stores."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli import groups
from avstudio_server.cli.flags import DryRun, Json, Yes

Several = Annotated[list[str], typer.Argument(metavar="OWNER", help="Names of owners, as 'keys list' shows them.")]

app = groups.app("Owners: delete.")


def command() -> Any:
    return groups.built(app)


@app.callback()
def owners() -> None:
    """Owners: delete."""


@app.command("delete", cls=groups.Command)
def delete(owners: Several, dry_run: DryRun = False, yes: Yes = False, as_json: Json = False) -> int:
    """Delete all tasks, files, uploads, webhooks and kept answers of owners, and revoke their API keys.

    Your own work belongs to 'local'. What calls to models have cost is kept. It asks first, unless you give --yes.
    """
    from avstudio_core import Studio
    from avstudio_server.cli.removals import agreed, told

    with Studio(own=True) as studio:
        removed = agreed(owners, studio.administration.delete_owner, dry_run=dry_run, yes=yes)
    return told(removed, dry_run=dry_run, as_json=as_json)
