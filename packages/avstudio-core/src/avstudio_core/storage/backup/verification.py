"""Verifies a folder of backups: every content, and the database of every snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from avstudio_core.errors import NotFound, StorageError
from avstudio_core.paths import real_path
from avstudio_core.quotes import quoted
from avstudio_core.storage.backup.content import Content
from avstudio_core.storage.backup.parallel import each
from avstudio_core.storage.backup.restore import assemble
from avstudio_core.storage.backup.snapshot import Piece, Snapshot, read
from avstudio_core.storage.sqlite import copy


@dataclass(frozen=True, slots=True)
class Verified:
    """A snapshot after it was verified."""

    snapshot: Snapshot
    whole: bool
    """Whether it can be restored completely."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The snapshots of a folder, the oldest first, and what is missing or damaged, each in one sentence."""

    snapshots: tuple[Verified, ...]
    flaws: tuple[str, ...]
    unused: int
    """How many files no snapshot needs: of backups that were stopped, or of snapshots that were removed."""


def verify(folder: Path) -> Verification:
    """Read everything in a folder of backups. Raises `NotFound` if it has none, and `StorageError`."""
    content = Content(real_path(folder))
    if not content.snapshots.is_dir():
        raise NotFound(f"{quoted(folder)} has no backup.")
    found, flawed = read(content)
    flaws = [f"{quoted(one.path)} {one.flaw}." for one in flawed]
    snapshots = {one.id: one for one in found.values()}
    lost = _lost(content, {piece.sha256: piece for one in snapshots.values() for piece in one.pieces()})
    flaws += [f"{quoted(content.path(sha256))} {flaw}." for sha256, flaw in lost.items()]
    verified = []
    for one in snapshots.values():
        missing = any(piece.sha256 in lost for piece in one.pieces())
        inner = [] if any(sha256 in lost for sha256 in one.database.chunks) else _database_flaws(content, one)
        verified.append(Verified(one, not (missing or inner)))
        flaws += [f"The database of the snapshot '{one.id}': {flaw}." for flaw in inner]
    needed = {piece.sha256 for one in snapshots.values() for piece in one.pieces()}
    unused = sum(path.name[:64] not in needed for path in content.all())
    return Verification(tuple(verified), tuple(flaws), unused)


def _lost(content: Content, pieces: dict[str, Piece]) -> dict[str, str]:
    """What is wrong with content, by sha256."""
    listed = list(pieces.values())

    flaws = each(lambda one: content.flaw(one.sha256, one.size), listed)
    return {one.sha256: flaw for one, flaw in zip(listed, flaws, strict=True) if flaw}


def _database_flaws(content: Content, snapshot: Snapshot) -> list[str]:
    """What SQLite's check finds, and stored files that the database names but the snapshot lacks."""
    with TemporaryDirectory(prefix="avstudio-verify-") as folder:
        whole = Path(folder) / copy.NAME
        try:
            assemble(content, snapshot, whole)
        except StorageError as error:
            return [error.message.removesuffix(".")]
        except OSError as error:
            raise StorageError.of(error, whole) from error
        if damages := copy.damages_of(whole):
            return damages
        unknown = copy.files_of(whole).keys() - snapshot.files.keys() - set(snapshot.absent)
    return [f"{len(unknown)} stored files are not in the snapshot"] if unknown else []
