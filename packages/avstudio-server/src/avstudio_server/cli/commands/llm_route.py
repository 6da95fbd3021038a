"""`avstudio llm route`: which model would answer, and why."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli.chat.flags import WishFlags
from avstudio_server.cli.flags import Json, spread
from avstudio_server.cli.groups import single
from avstudio_server.cli.terminal import output

Prompt = Annotated[str, typer.Argument(metavar="PROMPT", help="The question, or - to read it from stdin.")]


def command() -> Any:
    return single(spread(route), "route")


def route(prompt: Prompt, wishes: WishFlags, as_json: Json = False) -> int:
    """Show which model would answer: the rule, the cost, the fallbacks, and why the others are not used.

    No model is called, and nothing is spent.
    """
    from avstudio_core import Studio
    from avstudio_server.cli.chat.prompt import prompt_text
    from avstudio_server.cli.text.language_models import route_text
    from avstudio_server.views.language_models import route_data

    text = prompt_text(prompt)
    with Studio(own=True) as studio:
        found = route_data(studio, text, wishes.options())
    if as_json:
        output.write_json(found)
    else:
        output.write(route_text(found))
    return 0
