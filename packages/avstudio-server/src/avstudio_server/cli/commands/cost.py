"""`avstudio cost`: what language models have cost."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli import groups
from avstudio_server.cli.flags import Json
from avstudio_server.cli.terminal import output

Since = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="DATE", help="The first day to include, such as 2026-11-22. [default: 30 days ago]"
    ),
]


def command() -> Any:
    return groups.single(cost, "cost")


def cost(since: Since = None, as_json: Json = False) -> int:
    """Show the tokens and cost of calls to language models by day, model and project. Days are in UTC."""
    from avstudio_core import Studio
    from avstudio_server.cli.text.costs import cost_text
    from avstudio_server.views.costs import cost_data

    with Studio(own=True) as studio:
        data = cost_data(studio.ledger, since)
    if as_json:
        output.write_json(data)
    else:
        output.write(cost_text(data))
    return 0
