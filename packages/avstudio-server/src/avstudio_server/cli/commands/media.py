"""`avstudio media`: the files that were given, as they are in the store."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli import groups
from avstudio_server.cli.flags import DryRun, Json
from avstudio_server.cli.terminal import output

Several = Annotated[list[str], typer.Argument(metavar="FILE", help="Ids of files, as 'media list' shows them.")]
Project = Annotated[str | None, typer.Option("--project", metavar="NAME", help="Only files of this project.")]
Limit = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, max=200, help="How many files to list. [default: 20]")
]

app = groups.app("Files that were given: list, delete.")


def command() -> Any:
    return groups.built(app)


@app.command("list", cls=groups.Command)
def list_(project: Project = None, limit: Limit = 20, as_json: Json = False) -> int:
    """List the newest files that were given: their copies in the store, and where they came from."""
    from avstudio_core import Studio
    from avstudio_server.cli.text.media import media_table

    with Studio(own=True) as studio:
        found = studio.media.page(limit, project=project).items
    if as_json:
        output.write_json([one.model_dump(mode="json") for one in found])
    else:
        output.write(media_table(found[::-1]) if found else "No files.")
    return 0


@app.command("delete", cls=groups.Command)
def delete(files: Several, dry_run: DryRun = False, as_json: Json = False) -> int:
    """Delete the stored copies of files, all or none. Your own files stay, and so do results made of them."""
    from avstudio_core import Studio
    from avstudio_server.cli.removals import told

    with Studio(own=True) as studio:
        removed = studio.media.delete(*files, dry_run=dry_run)
    return told(removed, dry_run=dry_run, as_json=as_json)
