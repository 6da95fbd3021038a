"""Standard streams that may be closed, full or broken: a message is then dropped, and a result raises an error.

Every start runs this module, so it imports only what Python has already loaded.
"""

from __future__ import annotations

import io
import os
import sys

TYPE_CHECKING = False  # `typing` alone would take a tenth of the time of `--version`
if TYPE_CHECKING:
    from typing import TextIO

STDIN, STDOUT, STDERR = 0, 1, 2


def prepare() -> None:
    """Open closed streams, so that no file gets their numbers, and replace Python's streams with ours.

    A closed stdout is opened for reading, so that writing to it fails.
    """
    for number, mode in ((STDIN, os.O_RDONLY), (STDOUT, os.O_RDONLY), (STDERR, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, mode), True)
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.FileIO(STDIN, closefd=False), "utf-8")
    sys.stdout = _wrapped(Results, sys.stdout, STDOUT)
    sys.stderr = _wrapped(Messages, sys.stderr, STDERR)


class Results(io.TextIOWrapper):
    """Stdout. A failed write raises `StorageError`, or `BrokenPipeError` if the reader has gone.

    What the code of a plugin prints is a message: a result is what the command itself prints.
    """

    def write(self, text: str) -> int:
        guard = sys.modules.get("avstudio_core.guard")  # without it, no plugin runs
        if guard is not None and guard.is_in_plugin():
            return sys.stderr.write(text)
        try:
            return super().write(text)
        except OSError as error:
            raise _lost(error) from None

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise _lost(error) from None


class Messages(io.TextIOWrapper):
    """Stderr. A failed write is dropped: it cannot be reported anywhere."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError:
            _discard(STDERR)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError:
            _discard(STDERR)


def _wrapped(kind: type[Results | Messages], stream: TextIO | None, number: int) -> io.TextIOWrapper:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    errors = "backslashreplace" if encoding.lower() == "utf-8" or number == STDERR else "replace"
    lines = os.isatty(number) or number == STDERR
    if stream is not None:
        stream.flush()
    return kind(io.BufferedWriter(io.FileIO(number, "w", closefd=False)), encoding, errors, line_buffering=lines)


def _lost(error: OSError) -> Exception:
    _discard(STDOUT)
    if isinstance(error, BrokenPipeError):
        return error
    from avstudio_core.errors import StorageError

    return StorageError(f"The output cannot be written: {error.strerror or error}.")


def _discard(number: int) -> None:
    """Send buffered output to the null device; otherwise Python would fail on it at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
