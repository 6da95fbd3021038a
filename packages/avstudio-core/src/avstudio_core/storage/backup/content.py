"""The content of backups: files named by their sha256, in a folder that a service may sync to other machines.

No file is changed once it has its name: it is written elsewhere, synced to the disk, and then renamed. So a service
uploads each file once, and a file has either its whole content or does not exist. Files may arrive late or in any
order, may be placeholders of what is not on this machine, and may get another end of their name when a service finds a
conflict.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from avstudio_core.errors import CorruptFile, InvalidInput, StorageError
from avstudio_core.quotes import quoted
from avstudio_core.storage.digest import BLOCK, regular_file
from avstudio_core.storage.private_files import private, private_folder

OWN = ("content", "snapshots", "unfinished.nosync")
"""The names in a folder of backups; iCloud does not sync names that end with `.nosync`."""


class Content:
    """The content in a folder of backups."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root, self.snapshots, self.unfinished = (folder / name for name in OWN)

    def create(self) -> None:
        """Make the folder. Raises `StorageError`, and `InvalidInput` for a folder with other files."""
        private_folder(self.folder, parents=True)
        try:
            names = {path.name for path in self.folder.iterdir() if not path.name.startswith(".")}
        except OSError as error:
            raise StorageError.of(error, self.folder) from error
        if names and not names & set(OWN):
            hint = "Give a new or an empty folder, or one with backups."
            raise InvalidInput(f"{quoted(self.folder)} has other files, and no backup.", hint=hint)
        for folder in (self.root, self.snapshots, self.unfinished):
            private_folder(folder)

    def path(self, sha256: str) -> Path:
        """The place of content, whether it is there or not."""
        return self.root / sha256[:2] / sha256

    def has(self, sha256: str, size: int) -> bool:
        """Whether content is here with its whole length, or was uploaded and is a placeholder now."""
        path = self.path(sha256)
        try:
            return path.stat().st_size == size
        except FileNotFoundError:
            return _placeholder(path).exists()

    def add_bytes(self, data: bytes) -> str:
        """Add content, unless it is here; return its sha256. Raises `StorageError`."""
        sha256 = hashlib.sha256(data).hexdigest()
        if not self.has(sha256, len(data)):
            self.put(data, self.path(sha256))
        return sha256

    def put(self, data: bytes, target: Path) -> None:
        """Write a whole new file. Raises `StorageError`."""
        partial = self._partial()
        try:
            copied(BytesIO(data), partial)
            _place(partial, target)
        except OSError as error:
            raise StorageError.of(error, target) from error
        finally:
            partial.unlink(missing_ok=True)

    def add_file(self, source: BinaryIO, sha256: str) -> bool:
        """Copy an open file into the folder; return false, and copy nothing, if it is not the content of that name.

        Raises `CorruptFile` if it cannot be read, and `StorageError` if the folder cannot be written.
        """
        partial = self._partial()
        try:
            same = copied(source, partial) == sha256
            if same:
                _place(partial, self.path(sha256))
        except OSError as error:
            raise StorageError.of(error, self.path(sha256)) from error
        finally:
            partial.unlink(missing_ok=True)
        return same

    def found(self, sha256: str) -> Path | None:
        """The file with content, also if a service has renamed it; `None` without one."""
        path = self.path(sha256)
        if path.exists():
            return path
        return next(iter(sorted(path.parent.glob(f"{sha256}?*"))), None) if path.parent.is_dir() else None

    def flaw(self, sha256: str, size: int) -> str:
        """What is wrong with content, after reading it; empty if nothing is."""
        path = self.found(sha256)
        if path is None:
            here = not _placeholder(self.path(sha256)).exists()
            return "is missing" if here else "is not on this machine, but only in the cloud"
        try:
            if (length := path.stat().st_size) != size:
                return f"has {length} bytes instead of {size}"
            with regular_file(path) as file:
                same = hashlib.file_digest(file, "sha256").hexdigest() == sha256
            return "" if same else "is damaged"
        except OSError as error:
            return f"cannot be read: {error.strerror or error}"

    def all(self) -> Iterator[Path]:
        """Every file with content, renamed ones included."""
        for folder in inside(self.root):
            yield from (path for path in inside(folder) if len(path.name) >= 64)

    def clear(self) -> None:
        """Remove what killed backups left unfinished."""
        for path in self.unfinished.iterdir():
            if path.name.endswith(".partial"):
                path.unlink(missing_ok=True)

    def sync(self) -> None:
        """Have all names on the disk. Raises `StorageError`."""
        for folder in (*self.root.iterdir(), self.root, self.snapshots, self.folder):
            if folder.is_dir():
                sync_folder(folder)

    def _partial(self) -> Path:
        return self.unfinished / f"{secrets.token_hex(8)}.partial"


def inside(folder: Path) -> list[Path]:
    """What is in a folder, by name; nothing if there is no such folder. Raises `StorageError`."""
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StorageError(f"{quoted(folder)} cannot be read: {error.strerror or error}.") from error


def copied(source: BinaryIO, target: Path) -> str:
    """Copy an open file to a new private one, which is on the disk then; return the sha256.

    Raises `CorruptFile` if it cannot be read, and `OSError` if the new one cannot be written.
    """
    digest = hashlib.sha256()
    with open(target, "xb", opener=private) as made:
        for block in _blocks(source):
            digest.update(block)
            made.write(block)
        made.flush()
        os.fsync(made.fileno())
    return digest.hexdigest()


def _blocks(source: BinaryIO) -> Iterator[bytes]:
    try:
        while block := source.read(BLOCK):
            yield block
    except OSError as error:
        raise CorruptFile(f"A file cannot be read: {error.strerror or error}.") from error


def sync_folder(folder: Path) -> None:
    """Have a folder's names on the disk. Raises `StorageError`."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageError.of(error, folder) from error


def _place(partial: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, exist_ok=True)
    partial.replace(target)


def _placeholder(path: Path) -> Path:
    """What older versions of iCloud leave of a file that is only in the cloud."""
    return path.with_name(f".{path.name}.icloud")
