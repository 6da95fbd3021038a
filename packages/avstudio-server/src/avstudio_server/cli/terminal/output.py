"""What a command prints: its result on stdout, messages on stderr."""

from __future__ import annotations

import json
import sys
from typing import Any


def write(text: str) -> None:
    """Print a result, or a part of it."""
    print(text)


def write_json(value: Any) -> None:
    """Print the one JSON document of a command."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def note(text: str) -> None:
    """Print a message for a person."""
    print(text, file=sys.stderr, flush=True)


def write_part(text: str) -> None:
    """Print a part of an answer that is still coming."""
    print(text, end="", flush=True)
