"""What the core asks of a database: many readers, one writer at a time, and numbers in the order of the commits.

SQLite is in `storage/sqlite`. Another database keeps "one writer at a time" with a lock that each write begins with:
the numbers of events, budgets, the pool's book and the removal of content rely on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Executable

T = TypeVar("T")


class Found(Protocol):
    """The rows of a statement, or how many rows it changed."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any:
        """The next row; `None` after the last."""

    def fetchall(self) -> list[Any]:
        """All rows that are left."""


class Transaction(Protocol):
    """Runs the statements of an operation, at once or in a batch before the commit."""

    @property
    def connection(self) -> Connection:
        """For queries of SQLAlchemy in this transaction."""

    def execute(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Any:
        """Run a statement, after all that was to run later; return SQLAlchemy's result."""

    def run(self, statement: Executable, values: Mapping[str, Any]) -> Found:
        """Run a frequent statement, without the overhead of SQLAlchemy's result."""

    def later(self, statement: Executable, values: Mapping[str, Any]) -> None:
        """Run the statement at the end of the transaction, in one batch with the same statements of others."""

    def later_of(self, statement: Executable, ids: str, one: str, shared: Mapping[str, Any]) -> None:
        """Run the statement at the end of the transaction, once for all that have the same `shared` values.

        Its parameter `ids` is a JSON list of them.
        """

    def moment(self, clock: Callable[[], float]) -> float:
        """The time of all operations that commit together."""

    def flush(self) -> None:
        """Run now what was to run at the end."""

    def after_commit(self, tell: Callable[[], None]) -> None:
        """Call a fast function after the commit, but not after a rollback."""

    def generation(self) -> int:
        """A number in the database, which shows whether remembered data may have changed."""

    def next_generation(self) -> None:
        """Invalidate all remembered data."""


Operation = Callable[[Transaction], T]


class Database(Protocol):
    """One database of one data folder."""

    @property
    def path(self) -> Path:
        """Its file, or the data folder's name for it in errors."""

    def read(self) -> AbstractContextManager[Connection]:
        """A connection that sees all committed data. Raises `StorageError`."""

    def write(self, operation: Operation[T]) -> T:
        """Run an operation and wait until it is durable."""

    def write_soon(self, operation: Operation[T], *, synced: bool = True) -> Future[T]:
        """Queue an operation; operations of one thread run in its order. It may run twice."""

    def changed_elsewhere(self) -> bool:
        """Whether another connection committed since the last call. For one thread only."""

    def damages(self) -> list[str]:
        """The errors that a check of all data finds."""

    def close(self) -> None:
        """Commit all queued operations and close."""
