"""Questions that a person answers before a command goes on."""

from __future__ import annotations

import sys

from avstudio_core.errors import InvalidInput, TaskCancelled
from avstudio_server.cli.terminal import output


def agree(question: str) -> None:
    """Let the user decide. Raises `InvalidInput` without a terminal, and `TaskCancelled` if the answer is not yes."""
    if not sys.stdin.isatty():
        raise InvalidInput("Nothing was done, because nobody can be asked.", hint="Add --yes.")
    output.note(f"{question} [y/N]")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise TaskCancelled("Nothing was done.")
