"""`avstudio models`: the model files that processors load."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli import completion, groups
from avstudio_server.cli.flags import Json
from avstudio_server.cli.terminal import output

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="The name of the weights, as 'models list' shows it.", autocompletion=completion.weights
    ),
]

app = groups.app("Models: list, path, pull.")


def command() -> Any:
    return groups.built(app)


@app.command("list", cls=groups.Command)
def list_(ctx: typer.Context, as_json: Json = False) -> int:
    """List the known weights: size, licence, and where they are."""
    from avstudio_server.cli.text.weights import weights_table
    from avstudio_server.views.installation import weights_data

    found = weights_data(ctx.obj.shelf)
    if as_json:
        output.write_json(found)
    else:
        output.write(weights_table(found))
    return 0


@app.command("path", cls=groups.Command)
def path(ctx: typer.Context, name: Name, as_json: Json = False) -> int:
    """Verify the files of some weights and print their folder; nothing is fetched."""
    from avstudio_server.cli.plans.pull import folder_of

    folder = folder_of(ctx.obj.shelf, name)
    if as_json:
        output.write_json({"name": name, "path": str(folder)})
    else:
        output.write(str(folder))
    return 0


@app.command("pull", cls=groups.Command)
def pull(
    ctx: typer.Context,
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME", help="The names of the weights.", autocompletion=completion.weights),
    ],
    as_json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> int:
    """Fetch missing weights; an interrupted fetch is resumed."""
    from avstudio_server.cli.plans.pull import pulled

    found = pulled(ctx.obj.shelf, names, quiet=quiet)
    if as_json:
        output.write_json([{"name": name, "path": str(folder)} for name, folder in found.items()])
    else:
        for name, folder in found.items():
            output.write(f"{name}: {folder}")
    return 0
