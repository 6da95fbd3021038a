"""`avstudio llm models`: the language models within reach."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli import groups

Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]


def command() -> Any:
    return groups.single(models, "models")


def models(as_json: Json = False) -> int:
    """List the language models: where they are, what they can, their price, and what stands against using them."""
    from avstudio_server.cli.plans.run import say_json
    from avstudio_server.cli.text.language_models import model_data, model_table

    found = model_data()
    if as_json:
        say_json(found)
    else:
        print(model_table(found))
    return 0
