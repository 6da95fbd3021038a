"""A file that is written in pieces, and hashed on the way."""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path
from typing import Protocol

from avstudio_core.errors import InUse, StorageError, TooLarge

BLOCK = 1 << 20


class Hash(Protocol):
    """A running sha256."""

    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...

    def copy(self) -> Hash: ...


class Draft:
    """A file that grows at its end, up to `most` bytes, with the sha256 of what it has so far.

    `known` is the sha256 of what it has already, if that need not be read again. Raises `InUse` if another draft writes
    to it, `StorageError`, `TooLarge`.
    """

    def __init__(self, path: Path, most: int, known: tuple[int, Hash] | None = None) -> None:
        self.path = path
        self._most = most
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._file = os.open(path, flags, 0o600)
        except OSError as error:
            raise StorageError.of(error, path) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.size = os.lseek(self._file, 0, os.SEEK_END)
            self._hash = known[1].copy() if known is not None and known[0] == self.size else self._hash_so_far()
        except OSError as error:
            self.close()
            if isinstance(error, BlockingIOError):
                raise InUse("The file is being received already.", hint="Wait for the other request.") from None
            raise StorageError.of(error, path) from error

    def _hash_so_far(self) -> Hash:
        found, at = hashlib.sha256(), 0
        while block := os.pread(self._file, BLOCK, at):
            found.update(block)
            at += len(block)
        return found

    @property
    def hash(self) -> tuple[int, Hash]:
        """The size, and the running sha256, with which another draft may go on."""
        return self.size, self._hash

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, piece: bytes) -> None:
        """Append a piece, whole or not at all."""
        if self.size + len(piece) > self._most:
            raise TooLarge(f"The file has more than {self._most} bytes.", hint="Send a smaller one.")
        try:
            self._append(memoryview(piece))
        except OSError as error:
            os.ftruncate(self._file, self.size)
            os.lseek(self._file, self.size, os.SEEK_SET)
            raise StorageError.of(error, self.path) from error
        self._hash.update(piece)
        self.size += len(piece)

    def _append(self, left: memoryview) -> None:
        while left:
            left = left[os.write(self._file, left) :]

    def sync(self) -> None:
        """Return when all that was written is on the disk."""
        try:
            os.fsync(self._file)
        except OSError as error:
            raise StorageError.of(error, self.path) from error

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
