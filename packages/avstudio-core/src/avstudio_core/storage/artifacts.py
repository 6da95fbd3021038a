"""The artifact store: files by the sha256 of their content, whole or not there at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BufferedRandom
from pathlib import Path

from avstudio_core.errors import CorruptFile, StorageError

LARGE = 1 << 20
"""Bytes from which on a file is synced and hashed at the same time; for a smaller one a thread costs more."""


class ArtifactStore:
    """Files under `artifacts/ab/abcdef…`, and a staging folder for each job.

    A file is written to its job's folder, synced, and linked to its place inside the database transaction
    that records it. What a dead job left is found by its folder: see `leftovers`.
    """

    def __init__(self, home: Path) -> None:
        self.root = home / "artifacts"
        self.staging = home / "staging"
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.staging.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StorageError.of(error, self.root) from error

    def path(self, sha256: str) -> Path:
        """Where content lies, or would lie."""
        return self.root / sha256[:2] / sha256

    def folder(self, name: str) -> Path:
        """A new staging folder for a job or an ingestion."""
        folder = self.staging / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError.of(error, folder) from error
        return folder

    def copy_in(self, source: Path, folder: Path) -> tuple[str, int]:
        """Copy a user's file into a staging folder under its sha256, synced; give the sha256 and the size."""
        partial = folder / "incoming.tmp"
        try:
            shutil.copyfile(source, partial)
        except OSError as error:
            raise StorageError.of(error, partial) from error
        return stage(partial, folder)

    def link(self, sha256: str, folder: Path) -> None:
        """Put a staged file in its place, also of what is there already: that may have rotted since it was stored."""
        target = self.path(sha256)
        try:
            if not target.parent.exists():
                target.parent.mkdir(exist_ok=True)
                _sync_folder(self.root)
            staged = folder / sha256
            if staged.exists() or not target.exists():
                _link(staged, target)
            _sync_folder(target.parent)
        except OSError as error:
            raise StorageError.of(error, target) from error

    def discard(self, folder: Path) -> None:
        """Remove a staging folder with all in it."""
        if os.path.exists(folder):
            shutil.rmtree(folder, ignore_errors=True)

    def leftovers(self) -> Iterator[Path]:
        """The staging folders that exist now, of live jobs and dead ones."""
        yield from sorted(self.staging.iterdir())

    def remove(self, hashes: Iterable[str]) -> None:
        """Remove content that nothing refers to; what resists stays for `check` to find."""
        for sha256 in hashes:
            with contextlib.suppress(OSError):
                self.path(sha256).unlink()

    def verify(self, sha256: str) -> None:
        """Read the whole file and compare. Raises `CorruptFile`."""
        path = self.path(sha256)
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            raise CorruptFile(f"The stored file '{path}' is gone. Run the task again.") from None
        if found != sha256:
            raise CorruptFile(f"The stored file '{path}' has changed: its sha256 is now {found}. Run the task again.")

    def stored(self) -> Iterator[str]:
        """The sha256 of every file in the store."""
        for folder in sorted(self.root.iterdir()):
            yield from sorted(path.name for path in folder.iterdir())


def stage(path: Path, folder: Path) -> tuple[str, int]:
    """Move a file into a job's folder under its sha256, synced to disk; give the sha256 and its size in bytes."""
    try:
        with path.open("rb+") as file:
            size = os.fstat(file.fileno()).st_size
            os.fchmod(file.fileno(), 0o600)
            sha256 = _synced_beside(file) if size >= LARGE else _synced(file)
        shutil.move(path, folder / sha256)
    except OSError as error:
        raise StorageError.of(error, path) from error
    return sha256, size


def _synced(file: BufferedRandom) -> str:
    """The sha256 of a file that is on the disk when this returns."""
    os.fsync(file.fileno())
    return hashlib.file_digest(file, "sha256").hexdigest()


def _synced_beside(file: BufferedRandom) -> str:
    """The same, hashed while the disk works."""
    with ThreadPoolExecutor(1) as beside:
        synced = beside.submit(os.fsync, file.fileno())
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        synced.result()
    return sha256


def _link(staged: Path, target: Path) -> None:
    """Give a file a second name, or a copy where the file system has no second names."""
    beside = staged.with_suffix(".copy")  # what a crash leaves here is swept with the folder
    try:
        os.link(staged, target)
        return
    except FileExistsError:
        os.link(staged, beside)
    except OSError:
        shutil.copyfile(staged, beside)
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
    beside.replace(target)
    beside.unlink(missing_ok=True)  # of two names of one file, none replaces the other


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
