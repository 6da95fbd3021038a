"""The only place that knows which database and which store a data folder has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from avstudio_core.storage.artifacts import ArtifactStore
    from avstudio_core.storage.database import Database
    from avstudio_core.storage.search import Search


def open_database(home: Path) -> Database:
    """The database of a data folder, migrated to the current schema.

    Raises `DataFolderError` if it cannot be written, is damaged, or was made by a newer AV-Studio.
    """
    from avstudio_core.storage.sqlite import schema

    return schema.open_database(home)


def open_store(home: Path) -> ArtifactStore:
    """The artifact store of a data folder. Raises `StorageError`."""
    from avstudio_core.storage.folder.store import FolderStore

    return FolderStore(home)


def open_search(database: Database) -> Search:
    """The search for texts of a database."""
    from avstudio_core.storage.sqlite.search import TextSearch

    return TextSearch(database)


def newest_tasks(home: Path, count: int) -> list[str]:
    """The ids of the newest tasks; none if the folder cannot be read at once. Opening the folder takes longer."""
    from avstudio_core.storage.sqlite import glance

    return glance.newest_tasks(home, count)
