"""Paths from the user."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from avstudio_core.errors import InvalidInput, StorageError, UnreadableMedia
from avstudio_core.quotes import quoted

SYSTEM = ("/proc/", "/sys/", "/dev/")
"""Folders of the operating system, which contain no recordings, but secrets of processes."""
SHARED_MEMORY = "/dev/shm/"
"""A folder for users' files, although it is in a folder of devices."""


def user_path(given: Any, what: str = "path") -> Path:
    """A path from the user: `~` and `~/…` begin at the home folder; any other text is used unchanged.

    Raises `InvalidInput` for text that cannot be a path, and for `~` if the user has no home folder.
    """
    text = os.fsdecode(_bytes(given, what))
    if not text or "\0" in text:
        problem = "contains a NUL character" if text else "is empty"
        raise InvalidInput(f"{quoted(text)} is not a {what}: it {problem}.")
    if text == "~" or text.startswith("~/"):
        return home_folder() / text[2:]
    path = Path(text)  # which forgets the first two characters of './~'
    return Path.cwd() / path if path.parts[:1] == ("~",) else path


def real_path(given: Path) -> Path:
    """A whole path without links, of something that need not exist. Raises `StorageError` if it cannot be used."""
    real = Path(os.path.realpath(given))
    try:
        real.stat()
    except (FileNotFoundError, NotADirectoryError):
        return real
    except OSError as error:
        raise StorageError(f"{quoted(given)} cannot be used: {error.strerror or error}.") from error
    return real


def recorded_path(given: Any) -> str:
    """A path as the database has it: in UTF-8, with a mark in place of each byte that is not. Raises `InvalidInput`."""
    return _bytes(given, "path").decode("utf-8", errors="replace")


def existing_file(source: str | Path) -> Path:
    """The path of a readable file that is not empty. Raises `UnreadableMedia`, `InvalidInput`."""
    path = user_path(source, "path of a file")
    try:
        if path.is_dir():
            raise UnreadableMedia(f"{quoted(path)} is a folder.", hint="Give a file.")
        if not path.exists():
            raise UnreadableMedia(f"{quoted(path)} does not exist.")
        if not path.is_file():
            hint = "Save its content to a file, and give that."
            raise UnreadableMedia(f"{quoted(path)} is a device or a pipe.", hint=hint)
        if os.path.realpath(path).startswith(SYSTEM) and not os.path.realpath(path).startswith(SHARED_MEMORY):
            raise UnreadableMedia(f"{quoted(path)} is a file of the operating system, which is not read.")
        if path.stat().st_size == 0:
            raise UnreadableMedia(f"{quoted(path)} is empty.")
        with path.open("rb"):
            return path
    except OSError as error:
        raise UnreadableMedia(f"{quoted(path)} cannot be read: {error.strerror or error}.") from error


def is_beneath(path: Path, folder: Path) -> bool:
    """Whether a path leads to a folder or into it, through whatever links, and whatever the folder is called there."""
    real = Path(os.path.realpath(path))
    return any(os.path.exists(one) and os.path.samefile(one, folder) for one in (real, *real.parents))


def home_folder() -> Path:
    """The user's home folder. Raises `InvalidInput` if the system knows none."""
    try:
        return Path.home()
    except RuntimeError:
        raise InvalidInput("This user has no home folder.", hint="Give full paths, also for the data folder.") from None


def _bytes(given: Any, what: str) -> bytes:
    if not isinstance(given, str | os.PathLike):
        raise InvalidInput(f"{quoted(given)} is not a {what}.", hint="Give text, or a Path.")
    try:
        return os.fsencode(given)
    except UnicodeError:
        raise InvalidInput(f"{quoted(given)} is not a {what}: it contains half a character.") from None
