"""`avstudio processors`: the installed processors and their parameters."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli import completion, groups
from avstudio_server.cli.terminal import output

Name = Annotated[
    str | None,
    typer.Argument(metavar="NAME", help="The processor to show in detail.", autocompletion=completion.processors),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, with the schemas of parameters and results.")]


def command() -> Any:
    return groups.single(processors, "processors")


def processors(ctx: typer.Context, name: Name = None, as_json: Json = False) -> int:
    """List the processors, or show one in detail: its input, parameters, result and needs."""
    from avstudio_server.cli.text.processors import declaration_table, declaration_text
    from avstudio_server.views.processors import declaration_data, declaration_named

    catalogue = ctx.obj.catalogue
    found = [declaration_named(catalogue, name)] if name else [*catalogue.processors.values()]
    if name is None and not as_json:
        output.write(declaration_table(found))
        return 0
    data = [declaration_data(one, ctx.obj.plugins, ctx.obj.shelf) for one in found]
    if as_json:
        output.write_json(data[0] if name else data)
    else:
        output.write(declaration_text(data[0]))
    return 0
