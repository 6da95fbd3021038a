"""The artifact store: complete files, named by the sha256 of their content."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BufferedRandom
from pathlib import Path

from avstudio_core.artifact import new_id
from avstudio_core.errors import CorruptFile, DiskFull, StorageError
from avstudio_core.quotes import quoted
from avstudio_core.storage.digest import Stamp, digest, stamp
from avstudio_core.storage.private_files import private_folder

LARGE = 1 << 20
"""The size in bytes from which a file is synced and hashed at the same time; a thread is too slow for smaller ones."""


class ArtifactStore:
    """Files under `artifacts/ab/abcdef…`, and a staging folder for each job.

    A file is written to its job's folder, synced, and linked to its place inside the database transaction that records
    it. Files of a dead job are found by its folder: see `leftovers`.
    """

    def __init__(self, home: Path) -> None:
        self.root = home / "artifacts"
        self.staging = home / "staging"
        self._verified: dict[str, Stamp] = {}
        """The size, times and inode of each large file when it was last verified."""
        private_folder(self.root, parents=True)
        private_folder(self.staging)

    def path(self, sha256: str) -> Path:
        """The path of content, whether it is stored or not."""
        return self.root / sha256[:2] / sha256

    def folder(self, name: str) -> Path:
        """A new staging folder for a job or an ingestion."""
        return private_folder(self.staging / name)

    def copy_in(self, source: Path, folder: Path) -> tuple[str, int]:
        """Copy a user's file into a staging folder under its sha256, and sync it; return the sha256 and the size.

        Raises `DiskFull`, before copying anything, for a file that is larger than the free space on the disk.
        """
        partial = folder / "incoming.tmp"
        try:
            size, free = source.stat().st_size, shutil.disk_usage(folder).free
            if size > free:
                hint = "Free some, or choose another data folder."
                raise DiskFull(f"{quoted(source)} takes {size >> 20} MB, and {free >> 20} MB are free.", hint=hint)
            shutil.copyfile(source, partial)
        except OSError as error:
            raise StorageError.of(error, partial) from error
        return stage(partial, folder)

    def link(self, sha256: str, folder: Path) -> None:
        """Link a staged file to its place, replacing an existing file, which may be damaged."""
        target = self.path(sha256)
        try:
            if not target.parent.is_dir():
                _move_away(target.parent, folder)
                private_folder(target.parent)
                _sync_folder(self.root)
            staged = folder / sha256
            if staged.exists() or not target.exists():
                if not target.is_file():
                    _move_away(target, folder)
                _link(staged, target)
            _sync_folder(target.parent)
        except OSError as error:
            raise StorageError.of(error, target) from error

    def discard(self, folder: Path) -> None:
        """Remove a staging folder and its files."""
        if os.path.exists(folder):
            shutil.rmtree(folder, ignore_errors=True)

    def leftovers(self) -> Iterator[Path]:
        """The existing staging folders, of live and dead jobs."""
        yield from sorted(self.staging.iterdir())

    def remove(self, hashes: Iterable[str]) -> None:
        """Remove content that nothing refers to; `check` finds files that cannot be removed."""
        for sha256 in hashes:
            with contextlib.suppress(OSError):
                self.path(sha256).unlink()

    def unverified(self, sha256: str) -> int:
        """How many bytes must be read to verify a file; none if it has not changed since it was verified."""
        now = stamp(self.path(sha256))
        return 0 if now is None or now == self._verified.get(sha256) else now.size

    def verify_if_changed(self, sha256: str, go_on: Callable[[], bool]) -> None:
        """`verify`, but a large file is read again only if its size, times or inode have changed since."""
        now = stamp(self.path(sha256))
        if now is None or now != self._verified.get(sha256):
            self.verify(sha256, go_on)

    def verify(self, sha256: str, go_on: Callable[[], bool] = lambda: True) -> None:
        """Read the whole file and compare. Raises `CorruptFile`, and `TaskCancelled` once `go_on` returns false."""
        path = self.path(sha256)
        before = stamp(path)
        found = digest(path, go_on)
        if found != sha256:
            message = f"The stored file '{path}' has changed: its sha256 is now {found}."
            raise CorruptFile(message, hint="Run the task again.")
        if before is not None and before.size >= LARGE:
            self._verified[sha256] = before

    def stored(self) -> Iterator[str]:
        """The sha256 of every file in the store."""
        for folder in sorted(self.root.iterdir()):
            if folder.is_dir():
                yield from sorted(path.name for path in folder.iterdir())


def stage(path: Path, folder: Path) -> tuple[str, int]:
    """Move a file into a job's folder under its sha256, and sync it; return the sha256 and the size in bytes."""
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
    """The sha256 of a file, which is synced when this returns."""
    os.fsync(file.fileno())
    return hashlib.file_digest(file, "sha256").hexdigest()


def _synced_beside(file: BufferedRandom) -> str:
    """The same, but hashing during the sync."""
    with ThreadPoolExecutor(1) as beside:
        synced = beside.submit(os.fsync, file.fileno())
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        synced.result()
    return sha256


def _move_away(path: Path, folder: Path) -> None:
    """Move whatever is in a stored file's place into a staging folder, to be removed with it."""
    if os.path.lexists(path):
        path.rename(folder / new_id(path.name))


def _link(staged: Path, target: Path) -> None:
    """Create a hard link, or a copy on a file system without hard links."""
    beside = staged.with_suffix(".copy")  # after a crash, it is removed with the folder
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
    beside.unlink(missing_ok=True)  # if both are links to the same file, `rename` does nothing


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
