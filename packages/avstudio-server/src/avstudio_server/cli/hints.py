"""Hints of errors in the terms of the command line: options, commands, environment variables.

The library names things: "the setting 'home'", "the list of tasks". This module translates them into what a user types.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from avstudio_core.errors import AVStudioError, Degraded, OutputExists, TaskFailed, with_hint

BY_CODE = {
    OutputExists.code: "Add --overwrite, or choose another folder with --output.",
    Degraded.code: "Leave out --strict to accept the result with its warning.",
}
"""Hints for errors that an option of the command resolves."""

LISTS = {
    "backends": "avstudio llm models",
    "budgets": "avstudio budgets list",
    "keys": "avstudio keys list",
    "media files": "avstudio media list",
    "models": "avstudio llm models",
    "plans": "avstudio plans list",
    "plugins": "avstudio plugins",
    "processors": "avstudio processors",
    "projects": "avstudio projects list",
    "presets": "avstudio presets list",
    "secrets": "avstudio secrets list",
    "settings": "avstudio doctor",
    "tasks": "avstudio tasks list",
    "weights": "avstudio models list",
}
"""The command that prints each list."""

SECRET = re.compile(r"\b[Ss]et the secret '(\w+)', or the")
"""What messages about a missing key say, too."""

PHRASES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(rf"See the list of ({'|'.join(LISTS)})\."), lambda found: f"See them: {LISTS[found[1]]}"),
    (re.compile(r"[Ff]etch the weights '([\w.\-]+)'\.?"), lambda found: f"run: avstudio models pull {found[1]}"),
    (re.compile(r"the setting '(\w+)'"), lambda found: f"AVSTUDIO_{found[1].upper()}"),
    (SECRET, lambda found: secret(found[0])),
    (re.compile(r"[Aa]llow replacing the data folder"), lambda found: "Add --force for replacing the data folder"),
    (re.compile(r"allow leaving them out"), lambda found: "add --leave-out"),
    (re.compile(r"raise the budget\."), lambda found: "raise it: avstudio budgets set"),
)


def hint_of(error: AVStudioError) -> str:
    """The hint of an error in the terms of the command line."""
    return hint(error.cause if isinstance(error, TaskFailed) else error.code, error.hint)


def hint(code: str, text: str) -> str:
    """The library's hint in the terms of the command line."""
    if code in BY_CODE:
        return BY_CODE[code]
    for phrase, worded in PHRASES:
        text = phrase.sub(worded, text)
    return text[:1].upper() + text[1:]


def secret(text: str) -> str:
    """A text about a missing key in the terms of the command line."""
    return SECRET.sub(r"set it with 'avstudio secrets set \1', or as the", text)


def shown(error: AVStudioError) -> str:
    """Message and hint as one text."""
    return with_hint(secret(error.message), hint_of(error))
