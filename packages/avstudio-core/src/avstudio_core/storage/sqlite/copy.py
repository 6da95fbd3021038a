"""A copy of a data folder's database, made while studios write to it, and what can be read from a copy."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from avstudio_core.errors import DataFolderError
from avstudio_core.storage.sqlite.database import LOCKED_SECONDS, translated
from avstudio_core.storage.sqlite.schema import REVISIONS

NAME = "avstudio.db"
"""The database's name in a data folder."""
FILES = "SELECT DISTINCT sha256, size FROM artifacts ORDER BY sha256"


def copy_database(home: Path, target: Path) -> None:
    """Write the last committed state of a folder's database into a new file. Raises `StorageError`.

    It is copied in one step, so that it does not begin again when a studio writes meanwhile, and page by page, so that
    two copies are equal except where something changed.
    """
    address = f"{(home / NAME).absolute().as_uri()}?mode=rw"  # a missing file is not created
    try:
        with (
            closing(sqlite3.connect(address, uri=True, timeout=LOCKED_SECONDS)) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy, pages=-1)
    except sqlite3.Error as error:
        raise translated(error, home / NAME) from error


def files_of(copy: Path) -> dict[str, int]:
    """The size of each stored file that a copy names, by sha256. Raises `StorageError`."""
    try:
        with closing(_opened(copy)) as database:
            return dict(database.execute(FILES).fetchall())
    except sqlite3.Error as error:
        raise translated(error, copy) from error


def revision_of(copy: Path) -> str:
    """The revision of a copy's schema. Raises `StorageError`."""
    try:
        with closing(_opened(copy)) as database:
            return str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    except (sqlite3.Error, TypeError) as error:
        raise DataFolderError(f"'{copy}' is not the database of a data folder.") from error


def is_known(revision: str) -> bool:
    """Whether this version can open a database with that schema."""
    return revision in REVISIONS


def damages_of(copy: Path) -> list[str]:
    """The errors that SQLite's check of a whole copy finds."""
    try:
        with closing(_opened(copy)) as database:
            return [line for (line,) in database.execute("PRAGMA integrity_check") if line != "ok"]
    except sqlite3.Error as error:
        return [str(error)]


def _opened(copy: Path) -> sqlite3.Connection:
    """A connection that writes no file beside the copy, which nothing else may change."""
    return sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
