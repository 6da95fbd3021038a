"""`avstudio prune`: remove old work."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli import groups
from avstudio_server.cli.flags import DryRun, Json
from avstudio_server.cli.terminal import output

OlderThan = Annotated[
    str,
    typer.Option("--older-than", metavar="AGE", help="Remove work that ended so long ago, such as 30d. [required]"),
]


def command() -> Any:
    return groups.single(prune, "prune")


def prune(older_than: OlderThan, dry_run: DryRun = False, as_json: Json = False) -> int:
    """Remove tasks that ended long ago, with their events and files. Costs are kept. AGE: 12h, 30d or 8w."""
    from avstudio_core import Studio
    from avstudio_server.cli.text.storage import removed_text
    from avstudio_server.views.storage import pruned_data

    with Studio(own=True) as studio:
        data = pruned_data(studio, older_than, dry_run=dry_run)
    if as_json:
        output.write_json(data)
    else:
        output.write(removed_text(data))
    return 0
