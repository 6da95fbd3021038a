"""How many tokens a text has, and what it costs to have it read."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from avstudio_core.errors import InvalidInput
from avstudio_server.cli.terminal.tables import table

WHERE = {"file": "the file has", "text": "the words given have", "stdin": "stdin gave"}


@dataclass(frozen=True)
class Words:
    """What is to be counted, and where it came from."""

    text: str
    source: Literal["file", "text", "stdin"]


def read(source: str) -> Words:
    """The text of a file, of stdin for `-`, or the words themselves. Raises `InvalidInput`."""
    try:
        if source == "-":
            return Words(sys.stdin.buffer.read().decode("utf-8"), "stdin")
        if os.path.isfile(source):
            return Words(Path(source).read_text(encoding="utf-8"), "file")
    except UnicodeDecodeError:
        raise InvalidInput(f"'{source}' holds no text in UTF-8. Transcribe it first, or convert it.") from None
    except OSError as error:
        raise InvalidInput(f"'{source}' cannot be read: {error.strerror or error}.") from None
    return Words(source, "text")


def counted(words: Words, *, prices: bool = False) -> dict[str, Any]:
    """The counts, and with `prices` what each known model with a price takes for reading it."""
    from avstudio_core import tokens

    found: dict[str, Any] = {"source": words.source, "characters": len(words.text)}
    found |= {"about": tokens.estimate(words.text), "at_most": tokens.bound(words.text)}
    if prices:
        found["prices"] = _prices(found["about"], found["at_most"])
    return found


def counted_text(data: dict[str, Any]) -> str:
    of = f"{WHERE[data['source']]} {data['characters']} characters"
    said = f"About {data['about']} tokens, at most {data['at_most']}: {of}."
    if "prices" not in data:
        return said
    if not data["prices"]:
        return f"{said}\nNo model with a price is known. See: avstudio llm models"
    from avstudio_core.money import dollars

    rows = [(one["model"], dollars(one["about_micro"]), dollars(one["at_most_micro"])) for one in data["prices"]]
    return f"{said}\n\n{table(('MODEL', 'ABOUT', 'AT MOST'), rows)}"


def _prices(about: int, at_most: int) -> list[dict[str, Any]]:
    """Dearest last."""
    from avstudio_core.chat import Usage
    from avstudio_core.studio import Studio

    found = {}
    with Studio(own=True) as studio:
        for candidate in studio.llm.models():
            cost = studio.llm.gateway.prices.cost
            most = cost(candidate.model, Usage(input=at_most))
            if most:
                least = cost(candidate.model, Usage(input=about)) or 0
                found[candidate.model.id] = {"about_micro": least, "at_most_micro": most}
    return [{"model": name, **costs} for name, costs in sorted(found.items(), key=lambda one: one[1]["at_most_micro"])]
