"""The rows of refused connections."""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import insert

from avstudio_core.storage.data_folder import open_database
from avstudio_core.storage.database import Database
from avstudio_core.storage.tables import refused_connections

NOTE = insert(refused_connections)


def record(database: Database, host: str, reason: str) -> None:
    """Add a row; the host is empty if it is not known."""
    row = {"host": host, "reason": reason, "time": time.time()}
    database.write(lambda transaction: transaction.execute(NOTE, row))


def record_in(home: Path, host: str, reason: str) -> None:
    """Add a row to the database of a data folder, for callers without a studio."""
    database = open_database(home)
    try:
        record(database, host, reason)
    finally:
        database.close()
