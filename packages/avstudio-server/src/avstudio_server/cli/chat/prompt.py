"""Prompts from the command line, and the text of the files that go with them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_core.errors import InvalidInput, UnreadableMedia
from avstudio_core.paths import existing_file
from avstudio_core.quotes import quoted

if TYPE_CHECKING:
    from avstudio_core import Studio

STDIN = "-"


def prompt_text(prompt: str) -> str:
    """The prompt, or the text on stdin for `-`. Raises `InvalidInput`."""
    return _stdin() if prompt == STDIN else prompt


def with_files(studio: Studio, prompt: str, names: Sequence[str]) -> str:
    """The prompt, followed by the name and text of each file."""
    return "\n\n".join([prompt, *(f"{name}:\n{text}" for name, text in (_file(studio, one) for one in names))])


def _file(studio: Studio, name: str) -> tuple[str, str]:
    """A file's name and its text: a path, the id of a stored artifact, or `-`. Raises `UnreadableMedia`, `NotFound`."""
    from avstudio_core.documents.recognition import recognised
    from avstudio_core.documents.timed_text import TimedText, text_of

    if name == STDIN:
        return "stdin", _stdin()
    if name.startswith("art_") and not os.path.exists(name):
        artifact = studio.artifact(name)
        name, path = artifact.name, artifact.path
    else:
        path = existing_file(name)
    try:
        text = text_of(path, name)
    except OSError as error:
        raise UnreadableMedia(f"{quoted(name)} cannot be read: {error.strerror or error}.") from None
    if not text.strip():
        raise UnreadableMedia(f"{quoted(name)} is empty.")
    kind = recognised(text)
    return Path(name).name, TimedText.parse(text, kind).text if kind else text


def _stdin() -> str:
    try:
        text = sys.stdin.read()
    except UnicodeDecodeError:
        raise InvalidInput("The input on stdin is not text in UTF-8.") from None
    if not text.strip():
        raise InvalidInput("The input on stdin is empty.")
    return text
