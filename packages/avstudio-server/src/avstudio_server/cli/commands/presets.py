"""`avstudio presets`: files that are kept under names."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli import groups
from avstudio_server.cli.flags import DryRun, Json
from avstudio_server.cli.terminal import output

Named = Annotated[str, typer.Argument(metavar="NAME", help="Its name.")]
File = Annotated[str, typer.Argument(metavar="FILE", help="A file, such as a chain of effects, or an artifact's id.")]
Limit = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, max=200, help="How many presets to list. [default: 50]")
]
After = Annotated[str | None, typer.Option("--after", metavar="NAME", help="Only those after this name.")]

app = groups.app("Presets: save, list, delete.")


def command() -> Any:
    return groups.built(app)


@app.command("save", cls=groups.Command)
def save(name: Named, file: File, as_json: Json = False) -> int:
    """Keep a copy of a file under a name. Options that take a file take it as preset:NAME."""
    from avstudio_core import Studio

    with Studio(own=True) as studio:
        saved = studio.presets.save(name, file)
    if as_json:
        output.write_json(saved.model_dump(mode="json"))
    else:
        output.write(f"Saved: give it as 'preset:{saved.name}', such as --chain-file 'preset:{saved.name}'.")
    return 0


@app.command("list", cls=groups.Command)
def list_(after: After = None, limit: Limit = 50, as_json: Json = False) -> int:
    """List the presets by name."""
    from avstudio_core import Studio
    from avstudio_server.cli.text.presets import preset_table

    with Studio(own=True) as studio:
        page = studio.presets.page(limit, after=after)
    if as_json:
        output.write_json([one.model_dump(mode="json") for one in page.items])
        return 0
    output.write(preset_table(page.items) if page.items else "No presets.")
    if page.next is not None:
        output.note(f"There are more presets: avstudio presets list --after '{page.next}'")
    return 0


@app.command("delete", cls=groups.Command)
def delete(name: Named, dry_run: DryRun = False, as_json: Json = False) -> int:
    """Delete a preset. What was made with it stays."""
    from avstudio_core import Studio
    from avstudio_server.cli.removals import told

    with Studio(own=True) as studio:
        removed = studio.presets.delete(name, dry_run=dry_run)
    return told(removed, dry_run=dry_run, as_json=as_json)
