"""`avstudio processors`: what can be done, and with which parameters."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli import groups

Name = Annotated[str | None, typer.Argument(metavar="NAME", help="One processor, to see all about it.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, with the schemas of parameters and results.")]


def command() -> Any:
    return groups.single(processors, "processors")


def processors(name: Name = None, as_json: Json = False) -> int:
    """List the processors, or show one: what it takes, its parameters, its result, its needs."""
    from avstudio_server.cli.plans.run import say_json
    from avstudio_server.cli.text.processors import chosen, declaration_data, declaration_table, declaration_text

    found = chosen(name)
    if as_json:
        data = [declaration_data(one) for one in found]
        say_json(data[0] if name else data)
    else:
        print(declaration_text(found[0]) if name else declaration_table(found))
    return 0
