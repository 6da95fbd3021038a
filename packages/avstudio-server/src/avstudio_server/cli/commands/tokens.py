"""`avstudio tokens`: how many tokens a text has."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from avstudio_core.quotes import quoted
from avstudio_server.cli import groups
from avstudio_server.cli.flags import Json
from avstudio_server.cli.terminal import output

Source = Annotated[str, typer.Argument(metavar="FILE|TEXT", help="A file, a text, or - to read stdin.")]
Prices = Annotated[bool, typer.Option("--prices", help="Show what reading it costs with each model that has a price.")]


def command() -> Any:
    return groups.single(tokens, "tokens")


def tokens(source: Source, prices: Prices = False, as_json: Json = False) -> int:
    """Estimate how many tokens a text has, and give an upper bound.

    Models count differently, and report their count only after a call; budgets reserve the upper bound.
    """
    from avstudio_server.cli.text.tokens import token_text
    from avstudio_server.views.tokens import token_data

    origin, text = _read(source)
    data = {"source": origin, **token_data(text)}
    if prices:
        data["prices"] = _prices(data["about"], data["at_most"])
    if as_json:
        output.write_json(data)
    else:
        output.write(token_text(data))
    return 0


def _read(source: str) -> tuple[Literal["file", "text", "stdin"], str]:
    """A text and its origin: a file, stdin for `-`, or the argument itself. Raises `InvalidInput`."""
    from avstudio_core.errors import InvalidInput

    try:
        if source == "-":
            return "stdin", sys.stdin.buffer.read().decode("utf-8")
        if os.path.isfile(source):
            return "file", Path(source).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        message = f"{quoted(Path(source))} is not text in UTF-8."
        raise InvalidInput(message, hint="Transcribe it first, or convert it.") from None
    except OSError as error:
        raise InvalidInput(f"{quoted(Path(source))} cannot be read: {error.strerror or error}.") from None
    return "text", source


def _prices(about: int, at_most: int) -> list[dict[str, Any]]:
    from avstudio_core import Studio
    from avstudio_server.views.tokens import price_data

    with Studio(own=True) as studio:
        return price_data(studio, about, at_most)
