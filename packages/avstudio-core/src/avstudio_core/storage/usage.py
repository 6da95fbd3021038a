"""What takes how much room in a data folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from avstudio_core.storage.database import Database
from avstudio_core.storage.tables import artifacts, media_files, tasks

SOURCES = "sources"
"""Stands in place of a processor for files that users gave."""
_project = func.coalesce(tasks.c.project, media_files.c.project, "")
_maker = func.coalesce(tasks.c.processor, SOURCES)
SHARES = (
    select(_project, _maker, func.count(), func.sum(artifacts.c.size))
    .outerjoin(tasks, tasks.c.id == artifacts.c.task_id)
    .outerjoin(media_files, media_files.c.artifact_id == artifacts.c.id)
    .group_by(_project, _maker)
    .order_by(func.sum(artifacts.c.size).desc(), _project, _maker)
)


@dataclass(frozen=True, slots=True)
class Share:
    """The files of one project that one processor made. Content that several files share counts for each."""

    project: str
    made_by: str
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Usage:
    """The sizes of a data folder's parts in bytes, and the files of the store by project and processor."""

    store: int
    database: int
    weights: int
    cache: int
    staging: int
    shares: tuple[Share, ...]


def usage(database: Database, home: Path) -> Usage:
    """Measure a data folder. Files that vanish meanwhile do not count."""
    with database.read() as connection:
        shares = tuple(Share(*row) for row in connection.execute(SHARES))
    parts = {name: _size(home / folder) for name, folder in _FOLDERS.items()}
    rows = sum(_size(path) for path in home.glob("avstudio.db*"))
    return Usage(database=rows, shares=shares, **parts)


_FOLDERS = {"store": "artifacts", "weights": "weights", "cache": "cache", "staging": "staging"}


def _size(path: Path) -> int:
    """The bytes of a file, or of all files below a folder; links do not count."""
    return sum(_sizes(str(path)))


def _sizes(path: str) -> Iterator[int]:
    try:
        if not os.path.isdir(path):
            yield os.lstat(path).st_size
            return
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _sizes(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    yield entry.stat(follow_symlinks=False).st_size
    except OSError:
        return
