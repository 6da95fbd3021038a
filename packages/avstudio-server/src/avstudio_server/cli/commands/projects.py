"""`avstudio projects`: named groups of tasks and files."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli import groups
from avstudio_server.cli.flags import DryRun, Json, Yes
from avstudio_server.cli.terminal import output

Several = Annotated[list[str], typer.Argument(metavar="PROJECT", help="Names of projects.")]
Limit = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, max=200, help="How many projects to list. [default: 50]")
]
After = Annotated[str | None, typer.Option("--after", metavar="PROJECT", help="Only those after this name.")]

app = groups.app("Projects: list, delete.")


def command() -> Any:
    return groups.built(app)


@app.command("list", cls=groups.Command)
def list_(after: After = None, limit: Limit = 50, as_json: Json = False) -> int:
    """List the projects by name, with the numbers of their tasks and files."""
    from avstudio_core import Studio
    from avstudio_server.cli.text.projects import project_table

    with Studio(own=True) as studio:
        page = studio.projects.page(limit, after=after)
    if as_json:
        output.write_json([one._asdict() for one in page.items])
        return 0
    output.write(project_table(page.items) if page.items else "No projects.")
    if page.next is not None:
        output.note(f"There are more projects: avstudio projects list --after {page.next}")
    return 0


@app.command("delete", cls=groups.Command)
def delete(projects: Several, dry_run: DryRun = False, yes: Yes = False, as_json: Json = False) -> int:
    """Delete projects with their tasks, results and stored files. It asks first, unless you give --yes."""
    from avstudio_core import Studio
    from avstudio_server.cli.removals import agreed, told

    with Studio(own=True) as studio:
        removed = agreed(projects, studio.projects.delete, dry_run=dry_run, yes=yes)
    return told(removed, dry_run=dry_run, as_json=as_json)
