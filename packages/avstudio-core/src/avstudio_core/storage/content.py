"""The content of stored files, in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from avstudio_core.errors import CorruptFile, InvalidInput
from avstudio_core.quotes import quoted

BLOCK = 1 << 20


def within(size: int, start: int, end: int | None) -> tuple[int, int]:
    """The range of a file's bytes that is wanted, up to its end. Raises `InvalidInput`."""
    for one in (start, end):
        if one is not None and (not isinstance(one, int) or one < 0):
            raise InvalidInput(f"{quoted(one)} is not a position in a file.", hint="Give a number of bytes from 0.")
    last = size if end is None else min(end, size)
    return min(start, last), last


def blocks(stored: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    """The bytes of a stored file from `start` to before `end`. Raises `CorruptFile` if it is shorter."""
    try:
        with stored as file:
            file.seek(start)
            while start < end:
                block = file.read(min(BLOCK, end - start))
                if not block:
                    raise CorruptFile("The stored file is shorter than it was.", hint="Run the task again.")
                start += len(block)
                yield block
    except OSError as error:
        message = f"The stored file cannot be read: {error.strerror or error}."
        raise CorruptFile(message, hint="Run the task again.") from error
