"""`avstudio llm models`: the known language models."""

from __future__ import annotations

from typing import Any

from avstudio_server.cli import groups
from avstudio_server.cli.flags import Json
from avstudio_server.cli.terminal import output


def command() -> Any:
    return groups.single(models, "models")


def models(as_json: Json = False) -> int:
    """List the language models: where they run, what they support, their price, and why one cannot be used."""
    from avstudio_core import Studio
    from avstudio_server.cli.text.language_models import model_table
    from avstudio_server.views.language_models import model_data

    with Studio(own=True) as studio:
        found = model_data(studio)
    if as_json:
        output.write_json(found)
    else:
        output.write(model_table(found))
    return 0
