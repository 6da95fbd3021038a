"""Backs up a data folder while studios write to it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from socket import gethostname

from avstudio_core.errors import CorruptFile, DataFolderError, InvalidInput, StorageError
from avstudio_core.paths import real_path
from avstudio_core.quotes import quoted
from avstudio_core.storage.backup import snapshot
from avstudio_core.storage.backup.content import Content
from avstudio_core.storage.backup.parallel import each
from avstudio_core.storage.backup.snapshot import CHUNK, SMALL, DatabaseChunks, Piece, Snapshot
from avstudio_core.storage.digest import regular_file
from avstudio_core.storage.file_lock import locked
from avstudio_core.storage.private_files import private_folder
from avstudio_core.storage.sqlite import copy

ROUNDS = 10
"""How often the database is copied, at most, when stored files are removed meanwhile."""
ENDED = "Wait until it has ended."


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup made. Sizes are bytes."""

    snapshot: str
    files: int
    bytes: int
    new_files: int
    """How many stored files were copied; earlier backups had the others."""
    absent: tuple[str, ...]
    """The sha256 of stored files that the data folder itself has lost."""
    removed: int
    """How many old snapshots were removed."""


def back_up(home: Path, folder: Path, version: str, *, keep: int | None = None) -> Backup:
    """Back up the data folder `home` into a folder, and then keep only its newest `keep` snapshots there.

    The database is copied first, then each stored file that it names: these never change, and the database is copied
    again if some were removed meanwhile. The snapshot is written last, so that a backup that does not end changes
    nothing. Raises `StorageError`, `InvalidInput`.
    """
    home, folder = real_path(home), real_path(folder)
    _check(home, folder, keep)
    content = Content(folder)
    content.create()
    with _alone(home, content) as work:
        content.clear()
        copied, files, absent = _stored_files(home, content, work)
        made = Snapshot(
            id=snapshot.new_name(),
            made_at=time.time(),
            version=version,
            origin=f"{gethostname()}:{home}",
            database=_chunks(content, work),
            small=_small(home, content),
            files={sha256: size for sha256, size in files.items() if sha256 not in absent},
            absent=tuple(sorted(absent)),
        )
        content.sync()
        snapshot.write(content, made)
        content.sync()
        removed = _remove_old(content, made.origin, keep) if keep else 0
    return Backup(made.id, len(made.files), made.bytes, copied, made.absent, removed)


def _check(home: Path, folder: Path, keep: int | None) -> None:
    if folder.is_relative_to(home):
        message = f"{quoted(folder)} is in the data folder, and would be lost with it."
        raise InvalidInput(message, hint="Give a folder elsewhere, best on another disk.")
    if keep is not None and keep < 1:
        raise InvalidInput(f"{quoted(keep)} is not a number of snapshots to keep.", hint="Give at least 1.")
    if not (home / copy.NAME).is_file():
        hint = "Choose a data folder that a studio has used with the setting 'home'."
        raise DataFolderError(f"The data folder {quoted(home)} has no database.", hint=hint)


@contextmanager
def _alone(home: Path, content: Content) -> Iterator[Path]:
    """Let only one backup of a data folder, and one into a folder, run at a time; give the path for the copy."""
    work = private_folder(home / "backup")
    copied = work / copy.NAME
    with ExitStack() as stack:
        refusal = DataFolderError(f"Another backup of {quoted(home)} is running.", hint=ENDED)
        stack.enter_context(locked(work / "lock", 0, refusal))
        refusal = DataFolderError(f"Another backup into {quoted(content.folder)} is running.", hint=ENDED)
        with suppress(OSError):  # a file system without locks
            stack.enter_context(locked(content.unfinished / "lock", 0, refusal))
        try:
            yield copied
        finally:
            copied.unlink(missing_ok=True)


def _stored_files(home: Path, content: Content, work: Path) -> tuple[int, dict[str, int], set[str]]:
    """Copy the database to `work`, and all that it names to the backup.

    Return how many files were copied, the size of every file, and the files that are lost. A file that was removed
    meanwhile is not in the next copy of the database. One that is missing twice, although the database still names it,
    is lost: a studio removes the row first.
    """
    copied, files, absent = 0, dict[str, int](), set[str]()
    for _ in range(ROUNDS):
        before = absent
        work.unlink(missing_ok=True)
        copy.copy_database(home, work)
        files = copy.files_of(work)
        wanted = [sha256 for sha256, size in files.items() if not content.has(sha256, size)]
        done = each(partial(_copied, home, content), wanted)
        absent = {sha256 for sha256, copied_now in zip(wanted, done, strict=True) if not copied_now}
        copied += len(wanted) - len(absent)
        if absent <= before:
            break
    return copied, files, absent


def _copied(home: Path, content: Content, sha256: str) -> bool:
    """Copy a stored file; return false if it is missing, damaged, or a FIFO or a device."""
    try:
        source = regular_file(home / "artifacts" / sha256[:2] / sha256)
    except OSError:
        return False
    with source:
        try:
            return content.add_file(source, sha256)
        except CorruptFile:
            return False


def _chunks(content: Content, work: Path) -> DatabaseChunks:
    whole, chunks = hashlib.sha256(), []
    try:
        with work.open("rb") as file:
            while block := file.read(CHUNK):
                whole.update(block)
                chunks.append(content.add_bytes(block))
        size = work.stat().st_size
    except OSError as error:
        raise StorageError.of(error, work) from error
    revision = copy.revision_of(work)
    return DatabaseChunks(sha256=whole.hexdigest(), size=size, revision=revision, chunks=tuple(chunks))


def _small(home: Path, content: Content) -> dict[str, Piece]:
    found = {}
    for name in SMALL:
        try:
            with regular_file(home / name) as file:
                data = file.read()
        except FileNotFoundError:
            continue
        except OSError as error:
            message = f"{quoted(home / name)} cannot be read: {error.strerror or error}."
            raise DataFolderError(message, hint="Move it away.") from error
        found[name] = Piece(sha256=content.add_bytes(data), size=len(data))
    return found


def _remove_old(content: Content, origin: str, keep: int) -> int:
    """Remove the oldest snapshots of a data folder, then content that no snapshot has; return how many there were.

    If the backup is stopped in between, the next one removes the content. No content is removed while a snapshot cannot
    be read, which may need it.
    """
    found, flawed = snapshot.read(content)
    old = sorted({one.id for one in found.values() if one.origin == origin})[:-keep]
    kept = {path: one for path, one in found.items() if one.id not in old}
    try:
        for path in found.keys() - kept.keys():
            path.unlink()
        if not flawed:
            needed = {piece.sha256 for one in kept.values() for piece in one.pieces()}
            for path in content.all():
                if path.name[:64] not in needed:
                    path.unlink()
    except OSError as error:
        raise StorageError.of(error, content.folder) from error
    return len(old)
