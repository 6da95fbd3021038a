"""All that a command prints: its result on stdout, messages on stderr.

Untrusted text cannot move the cursor, or colour or reorder a line: see `quotes.harmless`.
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
    """Print a part of an answer that is still arriving."""
    print(harmless(text, lines=True), end="", flush=True)


def write_json(value: Any) -> None:
    """Print the JSON document of a command; control characters are escaped, so that it decodes to the same value."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    print(re.sub(r"[^\x00-\x7e]", _escaped, text))


def note(text: str) -> None:
    """Print a message for a person."""
    print(message(text), file=sys.stderr, flush=True)


def message(text: str) -> str:
    """A message as printed: its other lines are indented, so that none looks like a message of its own."""
    return harmless(text, lines=True).strip("\n").replace("\n", "\n  ")


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1] if is_obeyed(found[0]) else found[0]
