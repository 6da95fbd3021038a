"""What is said to a model from a command line: prompts, and the files that they are about."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import InvalidInput, UnreadableMedia

if TYPE_CHECKING:
    from avstudio_core.studio import Studio

STDIN = "-"


def prompt_text(prompt: str) -> str:
    """The prompt, or what stdin holds for `-`. Raises `InvalidInput`."""
    return _stdin() if prompt == STDIN else prompt


def with_files(studio: Studio, prompt: str, names: Sequence[str]) -> str:
    """The prompt, and after it each file under its name."""
    return "\n\n".join([prompt, *(f"{name}:\n{text}" for name, text in (_file(studio, one) for one in names))])


def _file(studio: Studio, name: str) -> tuple[str, str]:
    """A file's name and its text: a path, the id of a stored artifact, or `-`. Raises `UnreadableMedia`, `NotFound`."""
    if name == STDIN:
        return "stdin", _stdin()
    path = Path(name)
    if name.startswith("art_") and not path.exists():
        artifact = studio.artifact(name)
        name, path = artifact.name, artifact.path
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableMedia(
            f"'{name}' is not text in UTF-8. Transcribe sound first: avstudio audio transcribe"
        ) from None
    except OSError as error:
        raise UnreadableMedia(f"'{name}' cannot be read: {error.strerror or error}.") from None
    if not text.strip():
        raise UnreadableMedia(f"'{name}' is empty.")
    return Path(name).name, _spoken(text) or text


def _spoken(text: str) -> str:
    """The words of a transcript with their times; its JSON says much more. Empty for any other text."""
    try:
        data: Any = json.loads(text) if text.lstrip().startswith("{") else {}
        lines = [f"[{_clock(float(one['start']))}] {str(one['text']).strip()}" for one in data.get("segments", ())]
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
    return "\n".join(lines)


def _clock(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"


def _stdin() -> str:
    try:
        text = sys.stdin.read()
    except UnicodeDecodeError:
        raise InvalidInput("What comes from stdin is not text in UTF-8.") from None
    if not text.strip():
        raise InvalidInput("Nothing came from stdin.")
    return text
