"""Counts of tokens as lines."""

from __future__ import annotations

from typing import Any

from avstudio_core.money import dollars
from avstudio_server.cli.terminal.tables import table

ORIGINS = {"file": "the file has", "text": "the text has", "stdin": "stdin has"}


def token_text(data: dict[str, Any]) -> str:
    """The counts as text, with a table of prices if the data has one."""
    origin = f"{ORIGINS[data['source']]} {data['characters']} characters"
    line = f"About {data['about']} tokens, at most {data['at_most']}: {origin}."
    if "prices" not in data:
        return line
    if not data["prices"]:
        return f"{line}\nNo known model has a price. See: avstudio llm models"
    rows = [(one["model"], dollars(one["about_micro"]), dollars(one["at_most_micro"])) for one in data["prices"]]
    return f"{line}\n\n{table(('MODEL', 'ABOUT', 'AT MOST'), rows)}"
