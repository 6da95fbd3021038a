"""`avstudio artifacts`: the stored files of tasks and users."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli import groups
from avstudio_server.cli.flags import DryRun, Json

Several = Annotated[
    list[str], typer.Argument(metavar="ARTIFACT", help="Ids of artifacts, as results and 'media list' show them.")
]

app = groups.app("Artifacts: delete.")


def command() -> Any:
    return groups.built(app)


@app.callback()
def artifacts() -> None:
    """Artifacts: delete."""


@app.command("delete", cls=groups.Command)
def delete(artifacts: Several, dry_run: DryRun = False, as_json: Json = False) -> int:
    """Delete stored files, all or none. Results that name them stay; identical work runs again."""
    from avstudio_core import Studio
    from avstudio_server.cli.removals import told

    with Studio(own=True) as studio:
        removed = studio.delete_artifact(*artifacts, dry_run=dry_run)
    return told(removed, dry_run=dry_run, as_json=as_json)
