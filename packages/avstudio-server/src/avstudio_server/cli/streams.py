"""Standard streams that may be closed, full or gone: a message is then lost, and a result is an error.

It imports nothing but what Python has loaded anyway: every start comes by here.
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
    """Open what is closed, so that no file takes its number, and put our own streams in place of Python's.

    A closed stdout is opened so that writing fails.
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
    """Stdout. What cannot be written raises `StorageError`, or `BrokenPipeError` where the reader has gone."""

    def write(self, text: str) -> int:
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
    """Stderr. What cannot be written is lost: there is nowhere left to report it."""

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
    """What is still to be written goes nowhere, or Python fails with it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
