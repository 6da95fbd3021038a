"""What a command prints: its result on stdout, messages on stderr; nothing else in the command line prints.

Text from outside cannot move the cursor, colour or reorder a line: see `quotes.harmless`.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from avstudio_core.quotes import harmless, is_obeyed


def write(text: str) -> None:
    """Print a result."""
    print(harmless(text, lines=True))


def write_part(text: str) -> None:
    """Print a part of an answer that is still coming."""
    print(harmless(text, lines=True), end="", flush=True)


def write_json(value: Any) -> None:
    """Print the one JSON document of a command, which gives back just what was in it."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    print(re.sub(r"[^\x00-\x7e]", _escaped, text))


def note(text: str) -> None:
    """Print a message for a person."""
    print(message(text), file=sys.stderr, flush=True)


def message(text: str) -> str:
    """A message as it is printed: only its first line begins at the left, so that none can pass for another."""
    return harmless(text, lines=True).strip("\n").replace("\n", "\n  ")


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1] if is_obeyed(found[0]) else found[0]
