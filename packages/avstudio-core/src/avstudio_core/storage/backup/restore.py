"""Restores a data folder from a backup."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from avstudio_core.errors import CorruptFile, DataFolderError, InvalidInput, StorageError
from avstudio_core.paths import real_path
from avstudio_core.quotes import quoted
from avstudio_core.storage.backup.content import Content, copied, sync_folder
from avstudio_core.storage.backup.exchange import exchange
from avstudio_core.storage.backup.parallel import each
from avstudio_core.storage.backup.snapshot import Snapshot, choose, new_name
from avstudio_core.storage.digest import regular_file
from avstudio_core.storage.file_lock import is_held, locked
from avstudio_core.storage.private_files import private, private_folder
from avstudio_core.storage.sqlite import copy

LOCK_SECONDS = 30.0
CARRIED = ("weights", "secrets.json", "chat-history")
"""What no backup has: it moves from the old folder to the restored one."""
MADE_AGAIN = ("artifacts", "cache", "staging", "studios", "backup", "schema.lock", "studios.lock", "secrets.lock")
"""What a studio makes again; of a folder without work, so are its `artifacts`."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored."""

    snapshot: str
    files: int
    left_out: tuple[str, ...]
    """The sha256 of stored files that the backup lacks."""
    aside: Path | None
    """Where the old data folder is now."""


def restore(
    folder: Path, home: Path, name: str | None = None, *, replace: bool = False, leave_out: bool = False
) -> Restored:
    """Restore a snapshot, by default the newest, as the data folder `home`.

    It is made beside that folder, and takes its place in one step at the end. `replace`: an existing folder with work
    is moved aside. `leave_out`: stored files that are missing in the backup or damaged are left out. Raises
    `StorageError`, `NotFound`, `InvalidInput`.
    """
    content, home = Content(real_path(folder)), real_path(home)
    if content.folder.is_relative_to(home):
        raise InvalidInput(f"{quoted(content.folder)} is in the data folder, and would be moved aside with it.")
    snapshot = choose(content, name)
    _check(home, snapshot, replace)
    try:
        private_folder(home.parent, parents=True)
        with _beside(home) as made:
            left_out = _fill(made, content, snapshot, leave_out)
            aside = _put_in_place(made, home, replace)
    except OSError as error:
        raise StorageError.of(error, home) from error
    return Restored(snapshot.id, len(snapshot.files) - len(left_out), (*snapshot.absent, *left_out), aside)


def _check(home: Path, snapshot: Snapshot, replace: bool) -> None:
    if not copy.is_known(snapshot.database.revision):
        message = f"The snapshot '{snapshot.id}' was made by a newer AV-Studio ({snapshot.version})."
        raise DataFolderError(message, hint="Upgrade AV-Studio.")
    if os.path.ismount(home):
        hint = "Choose a folder below it with the setting 'home'."
        raise DataFolderError(f"{quoted(home)} is a mounted disk, and cannot be replaced as a whole.", hint=hint)
    _refuse_open(home)
    if _has_work(home) and not replace:
        hint = "Allow replacing the data folder, which is moved aside, or choose another with the setting 'home'."
        raise DataFolderError(f"The data folder {quoted(home)} is not empty.", hint=hint)


def _has_work(home: Path) -> bool:
    return (home / copy.NAME).exists() or any((home / "artifacts").glob("*/*"))


def _refuse_open(home: Path) -> None:
    """Raises `DataFolderError` if a studio, a command for example, has the folder open."""
    studios = home / "studios"
    if studios.is_dir() and any(is_held(path) for path in studios.iterdir()):
        hint = "Close the commands, programs and servers that use it."
        raise DataFolderError(f"A studio is open on the data folder {quoted(home)}.", hint=hint)


@contextmanager
def _beside(home: Path) -> Iterator[Path]:
    """An empty folder beside the data folder, which only this process uses, and which is removed after a failure."""
    made = private_folder(home.with_name(f"{home.name}.restoring"))
    descriptor = os.open(made, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataFolderError(f"Another restore of {quoted(home)} is running.") from None
        if not os.path.samestat(os.fstat(descriptor), made.stat()):  # that restore ended since
            raise DataFolderError(f"Another restore of {quoted(home)} has just ended.")
        _empty(made)
        try:
            yield made
        except BaseException:
            if made.exists() and os.path.samestat(os.fstat(descriptor), made.stat()):
                shutil.rmtree(made, ignore_errors=True)
            raise
    finally:
        os.close(descriptor)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _fill(made: Path, content: Content, snapshot: Snapshot, leave_out: bool) -> list[str]:
    """Write the content of a snapshot into a folder, synced to the disk; return what the backup lacks."""
    assemble(content, snapshot, made / copy.NAME)
    for name, piece in snapshot.small.items():
        _must_copy(content, piece.sha256, made / name)
    files = [*snapshot.files]
    done = each(lambda sha256: _copy(content, sha256, made / "artifacts" / sha256[:2] / sha256), files)
    left_out = [sha256 for sha256, copied_now in zip(files, done, strict=True) if not copied_now]
    if left_out and not leave_out:
        said = f"{len(left_out)} of {len(snapshot.files)} stored files are missing in the backup, or damaged"
        hint = "Wait until the backup is synced, take another snapshot, or allow leaving them out."
        raise CorruptFile(f"{said}; the first is '{left_out[0]}'.", hint=hint)
    for folder in (*(made / "artifacts").glob("*"), made / "artifacts", made):
        if folder.is_dir():
            sync_folder(folder)
    return left_out


def assemble(content: Content, snapshot: Snapshot, target: Path) -> None:
    """Write the database of a snapshot to a new file, synced to the disk. Raises `CorruptFile`, `OSError`."""
    whole = hashlib.sha256()
    with open(target, "xb", opener=private) as file:
        for sha256 in snapshot.database.chunks:
            data = _read(content, sha256)
            whole.update(data)
            file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if whole.hexdigest() != snapshot.database.sha256:
        raise CorruptFile(f"The database of the snapshot '{snapshot.id}' is damaged.", hint="Take another snapshot.")


def _read(content: Content, sha256: str) -> bytes:
    try:
        with regular_file(content.found(sha256) or content.path(sha256)) as file:
            data = file.read()
    except OSError:
        raise _lost(content, sha256) from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise _lost(content, sha256)
    return data


def _must_copy(content: Content, sha256: str, target: Path) -> None:
    if not _copy(content, sha256, target):
        raise _lost(content, sha256)


def _copy(content: Content, sha256: str, target: Path) -> bool:
    """Copy content; return false, and copy nothing, if the backup lacks it or it is damaged."""
    try:
        source = regular_file(content.found(sha256) or content.path(sha256))
    except OSError:
        return False
    private_folder(target.parent, parents=True)
    with source, suppress(CorruptFile):
        if copied(source, target) == sha256:
            return True
    target.unlink(missing_ok=True)
    return False


def _lost(content: Content, sha256: str) -> CorruptFile:
    what = "damaged" if content.found(sha256) else "missing"
    hint = "Wait until the backup is synced, or take another snapshot."
    return CorruptFile(f"'{content.path(sha256)}', which the snapshot needs, is {what}.", hint=hint)


def _put_in_place(made: Path, home: Path, replace: bool) -> Path | None:
    """Let a folder take the place of the data folder; return where the old one is, if it had any work."""
    if not home.exists():
        made.rename(home)
        sync_folder(home.parent)
        return None
    with ExitStack() as stack:
        for name in ("schema.lock", "studios.lock"):  # no studio can open the folder meanwhile
            stack.enter_context(locked(home / name, LOCK_SECONDS))
        _refuse_open(home)
        had_work = _has_work(home)
        if had_work and not replace:
            raise DataFolderError(f"A studio has used the data folder {quoted(home)} meanwhile.")
        aside = home.with_name(f"{home.name}.before-{new_name()}")
        made.rename(aside)  # a later restore empties `made`, which must never be the old folder
        exchange(aside, home)
        sync_folder(home.parent)
        return _cleared(aside, home, had_work)


def _cleared(old: Path, home: Path, had_work: bool) -> Path | None:
    """Move what no backup has from the old folder to the restored one, and remove an old one that had no work.

    Return where the old one is, if anything is left of it.
    """
    carried = CARRIED if had_work else [path.name for path in old.iterdir() if path.name not in MADE_AGAIN]
    for name in carried:
        if (old / name).exists() and not (home / name).exists():
            (old / name).rename(home / name)
    if not had_work:
        for name in MADE_AGAIN:
            shutil.rmtree(old / name, ignore_errors=True)
            with suppress(OSError):
                (old / name).unlink()
        with suppress(OSError):
            old.rmdir()
    return old if old.exists() else None
