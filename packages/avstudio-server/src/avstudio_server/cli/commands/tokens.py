"""`avstudio tokens`: how long a text is to a language model."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli import groups

Source = Annotated[str, typer.Argument(metavar="FILE|TEXT", help="A file, a text, or - for stdin.")]
Prices = Annotated[bool, typer.Option("--prices", help="What it costs to have it read, by each model with a price.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]


def command() -> Any:
    return groups.single(tokens, "tokens")


def tokens(source: Source, prices: Prices = False, as_json: Json = False) -> int:
    """Count a text's tokens: about how many there are, and how many there can be at most.

    Models count differently, and tell only afterwards; budgets reserve for the most.
    """
    from avstudio_server.cli.plans.run import say_json
    from avstudio_server.cli.text.tokens import counted, counted_text, read

    data = counted(read(source), prices=prices)
    if as_json:
        say_json(data)
    else:
        print(counted_text(data))
    return 0
