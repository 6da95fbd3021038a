"""Paths from the user."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from avstudio_core.errors import InvalidInput
from avstudio_core.quotes import quoted


def user_path(given: Any, what: str = "path") -> Path:
    """A path from the user: `~` and `~/…` begin at the home folder; any other text is used unchanged.

    Raises `InvalidInput` for text that cannot be a path, and for `~` if the user has no home folder.
    """
    if not isinstance(given, str | os.PathLike):
        raise InvalidInput(f"{quoted(given)} is not a {what}.", hint="Give text, or a Path.")
    try:
        text = os.fsdecode(given)
        os.fsencode(text)
    except UnicodeError:
        raise InvalidInput(f"{quoted(given)} is not a {what}: it contains a lone surrogate.") from None
    if not text or "\0" in text:
        problem = "contains a NUL character" if text else "is empty"
        raise InvalidInput(f"{quoted(text)} is not a {what}: it {problem}.")
    return home_folder() / text[2:] if text == "~" or text.startswith("~/") else Path(text)


def home_folder() -> Path:
    """The user's home folder. Raises `InvalidInput` if the system knows none."""
    try:
        return Path.home()
    except RuntimeError:
        raise InvalidInput("This user has no home folder.", hint="Give full paths, also for the data folder.") from None
