"""Folders whose files may be named, and nothing outside of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from avstudio_core.errors import NotAllowed, UnreadableMedia
from avstudio_core.paths import SYSTEM
from avstudio_core.quotes import quoted

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Roots:
    """Folders, in which files are opened name by name: no link is followed, so none can lead out of them.

    Files in `closed` folders, such as the data folder, and those of the operating system are left out.
    """

    def __init__(self, folders: Iterable[Path], closed: Iterable[Path] = ()) -> None:
        self._folders = tuple(Path(os.path.realpath(folder)) for folder in folders)
        self._closed = tuple(closed)

    def closing(self, folder: Path) -> Roots:
        """The same folders, and one more that is closed."""
        return Roots(self._folders, [*self._closed, folder])

    def open(self, given: str) -> int:
        """The descriptor of a file beneath one of the folders, for reading. Raises `NotAllowed`, `UnreadableMedia`."""
        refusal = NotAllowed(
            f"{quoted(given)} is not in a folder whose files may be named.",
            hint="Send the file, and give the id of its artifact.",
        )
        for folder in self._folders if not given.startswith(SYSTEM) else ():
            names = _names(given, folder)
            if names is not None:
                file = _opened(folder, names, given, {_identity(one.stat()) for one in self._closed if one.exists()})
                if file is None:
                    raise refusal
                return file
        raise refusal


def _identity(found: os.stat_result) -> tuple[int, int]:
    """What a folder is, whatever its name: file systems may ignore case, or show a folder at several places."""
    return found.st_dev, found.st_ino


def _names(given: str, folder: Path) -> list[str] | None:
    """The names on the way from a folder to a file; `None` if the text does not say that it is beneath the folder."""
    start = f"{os.fspath(folder).rstrip(os.sep)}{os.sep}"
    if "\0" in given or not given.startswith(start):
        return None
    names = given.removeprefix(start).split(os.sep)
    return names if all(name not in ("", ".", "..") for name in names) else None


def _opened(folder: Path, names: list[str], given: str, closed: set[tuple[int, int]]) -> int | None:
    """The descriptor of a file; `None` if it is in a closed folder. Raises `UnreadableMedia`."""
    try:
        here = os.open(folder, FOLDER)
        try:
            for name in names[:-1]:
                if _identity(os.fstat(here)) in closed:
                    return None
                below = os.open(name, FOLDER, dir_fd=here)
                os.close(here)
                here = below
            if _identity(os.fstat(here)) in closed:
                return None
            file = os.open(names[-1], FILE, dir_fd=here)
        finally:
            os.close(here)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        hint = "Check its name." if isinstance(error, FileNotFoundError) else "Links are not followed."
        raise UnreadableMedia(f"{quoted(given)} cannot be read: {reason}.", hint=hint) from None
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise UnreadableMedia(f"{quoted(given)} is not a file.", hint="Give a file.")
    return file
