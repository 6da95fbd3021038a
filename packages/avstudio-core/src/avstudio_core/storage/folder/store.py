"""The artifact store in a folder: complete files, named by the sha256 of their content."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from avstudio_core.artifact import new_id
from avstudio_core.errors import CorruptFile, DiskFull, StorageError
from avstudio_core.quotes import quoted
from avstudio_core.storage.digest import Stamp, digest, regular_file, stamp
from avstudio_core.storage.private_files import private_folder
from avstudio_core.storage.stage import stage

FICLONE = 0x40049409
"""The request to Linux that two files share their blocks: Btrfs, XFS, bcachefs."""
CLOCK_TICK_NS = 20_000_000
"""A file that changed so recently may change again without another time: file systems count in steps of up to 10 ms."""
MOST_REMEMBERED = 4_000
"""The files whose verification is remembered, those that were verified last: about 2 MB of memory."""


class FolderStore:
    """Files under `artifacts/ab/abcdef…`, and a staging folder for each job.

    A file is written to its job's folder, synced, and linked to its place before the database transaction that records
    it. The folder stays until then: in it, a sweep finds the files of a dead job; see `leftovers`.
    """

    def __init__(self, home: Path) -> None:
        self.root = home / "artifacts"
        self.staging = home / "staging"
        self._verified: dict[str, Stamp] = {}
        """The size, times and inode of each file when it was last verified."""
        self._copied: dict[Path, tuple[str, Stamp]] = {}
        """By its staging folder, a file that is being copied in: its sha256, and its stamp after it was hashed."""
        self._remembering = threading.Lock()
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
            if not _cloned(source, partial):
                _must_fit(source, folder)
                shutil.copyfile(source, partial)
        except OSError as error:
            raise StorageError.of(error, partial) from error
        sha256, size = stage(partial, folder)
        hashed = stamp(folder / sha256)
        if hashed is not None and hashed.modified < time.time_ns() - CLOCK_TICK_NS:
            self._copied[folder] = sha256, hashed
        return sha256, size

    def link(self, sha256: str, folder: Path) -> None:
        """Link a staged file to its place. An existing file is replaced only if it is damaged.

        A run has staged the file, and may be wrong about its content.
        """
        target = self.path(sha256)
        try:
            if not target.parent.is_dir():
                _move_away(target.parent, folder)
                private_folder(target.parent)
                _sync_folder(self.root)
            staged = folder / sha256
            if not target.exists() or (staged.exists() and not self._intact(sha256)):
                if not target.is_file():
                    _move_away(target, folder)
                _link(staged, target)
            _sync_folder(target.parent)
        except OSError as error:
            raise StorageError.of(error, target) from error

    def _intact(self, sha256: str) -> bool:
        try:
            self.verify_if_changed(sha256, lambda: True)
        except CorruptFile:
            return False
        return True

    def link_again(self, sha256: str, folder: Path) -> None:
        """Link a staged file, in the transaction that records it, if another one has removed its content since."""
        if not self.path(sha256).is_file():
            self.link(sha256, folder)

    def open(self, sha256: str) -> BinaryIO:
        """The content, to be read from any position. Raises `CorruptFile`."""
        path = self.path(sha256)
        try:
            return regular_file(path)
        except OSError as error:
            message = f"The stored file '{path}' cannot be read: {error.strerror or error}."
            raise CorruptFile(message, hint="Run the task again.") from error

    def discard(self, folder: Path) -> None:
        """Remove a staging folder and its files."""
        if os.path.exists(folder):
            shutil.rmtree(folder, ignore_errors=True)
        if copied := self._copied.pop(folder, None):
            self._remember_copied(*copied)

    def mark(self, folder: Path, hashes: Iterable[str]) -> None:
        """Name content in a staging folder, so that the folder's sweep removes what no artifact has."""
        try:
            for sha256 in hashes:
                (folder / sha256).touch()
        except OSError as error:
            raise StorageError.of(error, folder) from error

    def leftovers(self) -> Iterator[Path]:
        """The existing staging folders, of live and dead jobs."""
        yield from sorted(self.staging.iterdir())

    def remove(self, hashes: Iterable[str]) -> None:
        """Remove content that nothing refers to; `check` finds files that cannot be removed."""
        for sha256 in hashes:
            with self._remembering:
                self._verified.pop(sha256, None)
            with contextlib.suppress(OSError):
                self.path(sha256).unlink()

    def unverified(self, sha256: str) -> int:
        """How many bytes must be read to verify a file; none if it has not changed since it was verified."""
        now = stamp(self.path(sha256))
        return 0 if now is None or now == self._verified.get(sha256) else now.size

    def verify_if_changed(self, sha256: str, go_on: Callable[[], bool]) -> None:
        """`verify`, but a file is read again only if its size, times or inode have changed since."""
        now = stamp(self.path(sha256))
        if now is None or now != self._verified.get(sha256):
            self.verify(sha256, go_on)

    def verify(self, sha256: str, go_on: Callable[[], bool] = lambda: True) -> None:
        """Read the whole file and compare. Raises `CorruptFile`, and `TaskCancelled` once `go_on` returns false."""
        path = self.path(sha256)
        before = stamp(path)
        found = digest(path, go_on)
        if found != sha256:
            message = f"The stored file '{path}' has changed since it was stored: its sha256 is now {found}."
            raise CorruptFile(message, hint="Run the task again.")
        if before is not None and before == stamp(path) and before.changed < time.time_ns() - CLOCK_TICK_NS:
            self._remember(sha256, before)

    def _remember_copied(self, sha256: str, hashed: Stamp) -> None:
        """Spare the first use a second reading of a file to which nobody has written since it was hashed."""
        now = stamp(self.path(sha256))
        if now is not None and now == hashed._replace(changed=now.changed):  # linking it was a change, too
            self._remember(sha256, now)

    def _remember(self, sha256: str, verified: Stamp) -> None:
        with self._remembering:
            self._verified.pop(sha256, None)
            while len(self._verified) >= MOST_REMEMBERED:
                del self._verified[next(iter(self._verified))]
            self._verified[sha256] = verified

    def stored(self) -> Iterator[str]:
        """The sha256 of every file in the store."""
        for folder in sorted(self.root.iterdir()):
            if folder.is_dir():
                yield from sorted(path.name for path in folder.iterdir())

    def totals(self) -> tuple[int, int]:
        """The number of files in the store, and their bytes."""
        sizes = [self.path(sha256).stat().st_size for sha256 in self.stored()]
        return len(sizes), sum(sizes)


def _cloned(source: Path, target: Path) -> bool:
    """Make a file that shares the blocks of another until one of them changes, where the file system can do that.

    It takes no time and no room. A hard link would not do: the user's changes would change the stored file.
    """
    if sys.platform != "linux":
        return False
    with source.open("rb") as given, target.open("wb") as made:
        try:
            fcntl.ioctl(made, FICLONE, given.fileno())
            return True
        except OSError:
            target.unlink()
            return False


def _must_fit(source: Path, folder: Path) -> None:
    size, free = source.stat().st_size, shutil.disk_usage(folder).free
    if size > free:
        hint = "Free some, or choose another data folder."
        raise DiskFull(f"{quoted(source)} takes {size >> 20} MB, and {free >> 20} MB are free.", hint=hint)


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
