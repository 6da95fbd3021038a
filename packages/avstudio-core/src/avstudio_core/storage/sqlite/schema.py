"""Opens a data folder: a new one, or one of the current, an older or a newer version."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sqlalchemy import Column, MetaData, String, Table, create_mock_engine, insert, inspect, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import SQLAlchemyError

from avstudio_core.errors import DataFolderError, StorageError
from avstudio_core.storage.file_lock import OTHER_FOLDER, locked
from avstudio_core.storage.server_tables import metadata
from avstudio_core.storage.sqlite import search as search  # makes the index with its table
from avstudio_core.storage.sqlite.database import Database, translated

LOCK_SECONDS = 30.0
"""How long another program may take to migrate the folder, in seconds; they migrate one after another."""
REVISIONS = tuple(f"{number:04}" for number in range(1, 28))
"""Every revision of the schema, oldest first; the scripts are in `migrations/versions`."""
VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
"""Alembic's own table: the revision of the folder."""


def open_database(home: Path) -> Database:
    """The database of a data folder, migrated to the current schema.

    Raises `DataFolderError` if it cannot be written, is damaged, or was made by a newer AV-Studio.
    """
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(home / "schema.lock", LOCK_SECONDS):
            (home / "avstudio.db").touch(mode=0o600)  # only for its owner, even in a folder that others can read
            database = Database(home / "avstudio.db")
            try:
                _bring_up(database)
            except BaseException:
                database.close()
                raise
    except OSError as error:
        hint = "Choose a data folder that you may write with the setting 'home'."
        raise DataFolderError(StorageError.of(error, home).message, hint=hint) from error
    except SQLAlchemyError as error:
        raise translated(error, home / "avstudio.db") from error
    return database


def _bring_up(database: Database) -> None:
    revision = _revision(database)
    if revision == REVISIONS[-1]:
        return
    if revision is None:
        _create(database)
        return
    if revision not in REVISIONS:
        raise DataFolderError(
            f"The data folder '{database.path.parent}' was made by a newer AV-Studio (schema {revision}, "
            f"this one knows {REVISIONS[-1]}).",
            hint=f"Upgrade AV-Studio, or {OTHER_FOLDER}",
        )
    _upgrade(database)


def _revision(database: Database) -> str | None:
    with database.read() as connection:
        if not inspect(connection).has_table(VERSION.name):
            return None
        return connection.execute(select(VERSION.c.version_num)).scalar()


def _create(database: Database) -> None:
    """Make the tables of a new folder at once, which is faster than all migrations one after another."""
    with database.engine.begin() as connection:
        driver = connection.connection.cursor()
        for statement in _statements():
            driver.execute(statement)
        connection.execute(insert(VERSION), {"version_num": REVISIONS[-1]})


@cache
def _statements() -> tuple[str, ...]:
    """The statements that make all tables: to compile them takes longer than to run them."""
    made: list[str] = []
    compiler = create_mock_engine("sqlite://", lambda one, *_: made.append(str(one.compile(dialect=sqlite.dialect()))))
    for tables in (metadata, VERSION.metadata):
        tables.create_all(compiler, checkfirst=False)
    return tuple(made)


def _upgrade(database: Database) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "avstudio_core.storage:migrations")
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
