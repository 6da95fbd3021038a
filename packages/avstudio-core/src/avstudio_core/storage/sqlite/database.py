"""The database: many readers, one writer that commits in groups."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Generic, TypeVar

from sqlalchemy import URL, Connection, Engine, Executable, Insert, create_engine, event
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from avstudio_core.errors import AVStudioError, DataFolderError, DiskFull, StorageError
from avstudio_core.storage.file_lock import OTHER_FOLDER
from avstudio_core.storage.reserve import is_full
from avstudio_core.storage.sqlite.late_sync import LateSync
from avstudio_core.storage.sqlite.prepared import prepared

T = TypeVar("T")

LOCKED_SECONDS = 10.0
"""How long to wait for another program that has locked the database, in seconds."""
GROUP = 512
"""The most operations in one commit."""
PLACE_SECONDS = 0.25
"""How often to check that the file is still in its place, in seconds."""
IDLE = 16
"""How many connections are kept for reading; others are closed after use."""

LOG = logging.getLogger(__name__)


class Transaction:
    """Runs the statements of an operation, at once or in a batch before the commit."""

    def __init__(self, connection: Connection, driver: sqlite3.Connection) -> None:
        self.connection = connection
        self._cursor = driver.cursor()
        self._later: dict[Executable, list[Mapping[str, Any]]] = {}
        self._later_of: dict[tuple[Executable, str, tuple[tuple[str, Any], ...]], list[str]] = {}
        self._moment: float | None = None
        self._after: list[Callable[[], None]] = []

    def execute(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Any:
        """Run a statement, which sees all that came before it in this transaction, also what was to run later."""
        self.flush()
        return self.connection.execute(statement, values or {})

    def run(self, statement: Executable, values: Mapping[str, Any]) -> sqlite3.Cursor:
        """Run a prepared statement, which is faster because it does without SQLAlchemy's results and conversions."""
        one = prepared(statement, tuple(values))
        return self._cursor.execute(one.sql, one.values(values))

    def later(self, statement: Executable, values: Mapping[str, Any]) -> None:
        """Run the statement at the end of the transaction, in one batch with the same statements of others."""
        self._later.setdefault(statement, []).append(values)

    def later_of(self, statement: Executable, ids: str, one: str, shared: Mapping[str, Any]) -> None:
        """Run the statement at the end of the transaction, once for all that have the same `shared` values."""
        self._later_of.setdefault((statement, ids, tuple(shared.items())), []).append(one)

    def moment(self, clock: Callable[[], float]) -> float:
        """The time of all operations that commit together."""
        if self._moment is None:
            self._moment = clock()
        return self._moment

    def after_commit(self, tell: Callable[[], None]) -> None:
        """Call a fast function after the commit, but not after a rollback."""
        self._after.append(tell)

    def committed(self) -> None:
        for tell in self._after:
            try:
                tell()
            except Exception:
                LOG.exception("A callback after a commit failed.")

    def generation(self) -> int:
        """A number in the file, which shows whether remembered data may have changed."""
        number: int = self._cursor.execute("PRAGMA user_version").fetchone()[0]
        return number

    def next_generation(self) -> None:
        """Invalidate all remembered data."""
        self._cursor.execute(f"PRAGMA user_version = {(self.generation() + 1) % 2**31}")

    def flush(self) -> None:
        for statement in sorted(self._later, key=lambda one: not isinstance(one, Insert)):  # inserts before updates
            rows = self._later[statement]
            prepared(statement, tuple(rows[0])).run_all(self._cursor, rows)
        self._later.clear()
        for (statement, ids, shared), found in self._later_of.items():
            self.run(statement, {**dict(shared), ids: json.dumps(found)})
        self._later_of.clear()


Operation = Callable[[Transaction], T]


class _Write(Generic[T]):
    def __init__(self, operation: Operation[T], synced: bool) -> None:
        self.operation = operation
        self.synced = synced
        self.future: Future[T] = Future()


class Database:
    """SQLite in WAL mode with `synchronous=FULL`: acknowledged writes are on the disk.

    Each commit therefore needs a sync, so writers share commits: while one group is being synced, the next one is
    collected. An operation may run twice (if another one in its group fails), so it must only use its transaction.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._closed = False
        self._process = os.getpid()
        self._place: tuple[int, int] | None = None
        self._looked = math.inf
        self._readers = _engine(path).execution_options(isolation_level="AUTOCOMMIT")
        self._idle: list[Connection] = []
        """Connections that are kept for reading: using a pool would take longer than reading a row."""
        with self.read() as connection:  # once, and alone: concurrent changes of the mode fail
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        self._writer = _engine(path)
        event.listen(self._writer, "begin", _begin_immediate)
        self._connection = self._readers.connect()
        driver = self._connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        self._driver = driver
        self._manner = (True, True)
        self._turn = threading.Lock()
        """Held while writing."""
        self._counting = threading.Lock()
        self._handed_over = 0
        self._queue: queue.SimpleQueue[_Write[Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="database", daemon=True)
        self._late_sync = LateSync(path.with_name(f"{path.name}-wal"))
        self._watch: sqlite3.Connection | None = None
        self._place = _place(path)
        self._looked = time.monotonic()
        self._thread.start()

    @property
    def engine(self) -> Engine:
        return self._writer

    def write(self, operation: Operation[T]) -> T:
        """Run an operation and wait until it is on the disk."""
        return self.write_soon(operation).result()

    def write_soon(self, operation: Operation[T], *, synced: bool = True) -> Future[T]:
        """Queue an operation; operations of one thread run in its order.

        An operation that is not `synced` survives the process like any other, but survives a loss of power only a
        moment later; if there is no other write, it runs at once on the caller's thread.
        """
        write = _Write(operation, synced)
        if moved := self._moved():
            write.future.set_exception(moved)
        elif synced or not self._at_once(write):
            with self._counting:  # atomically: operations after the end of the queue would never run
                self._must_be_open()
                self._handed_over += 1
                self._queue.put(write)
        return write.future

    def _at_once(self, write: _Write[Any]) -> bool:
        """Run an operation without a sync on the caller's thread if there is no other write: this avoids a switch."""
        if self._handed_over or self._process != os.getpid() or not self._turn.acquire(blocking=False):
            return False
        try:
            if self._handed_over or self._closed:  # changed since the first check
                return False
            results = self._transact([write], patient=False)
        except Exception as error:
            if _busy(error):
                return False
            write.future.set_exception(_as_error(error, self.path))
        else:
            write.future.set_result(results[0])
        finally:
            self._turn.release()
        return True

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees all committed data. Raises `StorageError`."""
        self._must_be_open()
        if moved := self._moved():
            raise moved
        try:
            connection = self._reader()
            try:
                yield connection
            finally:
                self._give_back(connection)
        except (SQLAlchemyError, sqlite3.Error) as error:
            self._must_be_open()  # it was closed meanwhile, which is the real cause
            raise translated(error, self.path) from error

    def damages(self) -> list[str]:
        """The errors that SQLite's integrity check of the whole file finds."""
        with self.read() as connection:
            return [line for (line,) in connection.exec_driver_sql("PRAGMA integrity_check") if line != "ok"]

    def _must_be_open(self) -> None:
        if self._closed:
            raise StorageError("The studio is closed.")
        if self._process != os.getpid():
            raise StorageError.forked()

    def _moved(self) -> DataFolderError | None:
        """The error if the file is no longer in its place, where written data would be lost."""
        now = time.monotonic()
        if now < self._looked + PLACE_SECONDS:
            return None
        if _place(self.path) != self._place:
            message = f"The data folder '{self.path.parent}' was moved, replaced or deleted while it was open."
            return DataFolderError(message, hint="Close the studio, and open it again.")
        self._looked = now
        return None

    def _give_back(self, connection: Connection) -> None:
        if len(self._idle) < IDLE:
            self._idle.append(connection)
        else:
            connection.close()

    def _reader(self) -> Connection:
        with contextlib.suppress(IndexError):
            return self._idle.pop()
        return self._readers.connect()

    def changed_elsewhere(self) -> bool:
        """Whether another connection committed since the last call. For one thread only. Raises `StorageError`."""
        try:
            if self._watch is None:
                self._watch = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
                self._version = -1
            version = self._watch.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error as error:
            raise translated(error, self.path) from error
        changed, self._version = version != self._version, version
        return bool(changed)

    def close(self) -> None:
        """Commit all queued operations and close the file. Raises `DataFolderError` if it is no longer in its place."""
        with self._counting:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        if self._process != os.getpid():  # a fork has no writer thread, and must not use the connections
            return
        self._thread.join()
        self._late_sync.close()
        if self._watch is not None:
            self._watch.close()
        with self._turn:
            for connection in (self._connection, *self._idle):
                connection.close()
        self._readers.dispose()
        self._writer.dispose()
        self._looked = -math.inf
        if moved := self._moved():
            raise moved

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group = [first]
            last = self._gather(group)
            wanted = [write for write in group if write.future.set_running_or_notify_cancel()]
            with self._turn:
                if wanted:
                    self._commit(wanted)
                with self._counting:
                    self._handed_over -= len(group)
            if last:
                return

    def _gather(self, group: list[_Write[Any]]) -> bool:
        """Add waiting operations to the group; return whether the end of the queue was reached."""
        while len(group) < GROUP:
            try:
                write = self._queue.get_nowait()
            except queue.Empty:
                return False
            if write is None:
                return True
            group.append(write)
        return False

    def _commit(self, group: Sequence[_Write[Any]]) -> None:
        try:
            results = self._transact(group)
        except BaseException as error:
            if len(group) > 1 and not _busy(error):  # one of them fails: halve the group until it is alone
                middle = len(group) // 2
                self._commit(group[:middle])
                self._commit(group[middle:])
                return
            for write in group:
                write.future.set_exception(_as_error(error, self.path))
            return
        for write, result in zip(group, results, strict=True):
            write.future.set_result(result)

    def _transact(self, group: Sequence[_Write[Any]], *, patient: bool = True) -> list[Any]:
        """Run operations as one transaction. If not `patient`, do not wait for a lock of another program."""
        driver = self._driver
        manner = any(write.synced for write in group), patient
        if manner != self._manner:
            driver.execute(f"PRAGMA synchronous={'FULL' if manner[0] else 'NORMAL'}")
            driver.execute(f"PRAGMA busy_timeout={1000 * LOCKED_SECONDS if patient else 0:.0f}")
            self._manner = manner
        driver.execute("BEGIN IMMEDIATE")  # by the driver: SQLAlchemy's overhead is larger than the statement
        try:
            transaction = Transaction(self._connection, driver)
            results = [write.operation(transaction) for write in group]
            transaction.flush()
            driver.execute("COMMIT")
        except BaseException:
            driver.rollback()
            raise
        transaction.committed()  # must not raise: the group would count as failed, and be repeated
        if not manner[0]:
            self._late_sync.ask()
        return results


def translated(error: SQLAlchemyError | sqlite3.Error, path: Path) -> AVStudioError:
    """The error of the core for an error of the database."""
    text = str(getattr(error, "orig", error))
    if "full" in text or ("disk I/O" in text and is_full(path.parent)):  # SQLite could not make a file
        return DiskFull(f"No space is left for '{path}'.", hint=f"Free some, or {OTHER_FOLDER}")
    if "locked" in text:
        message = f"Another program has held '{path}' for {LOCKED_SECONDS:g} s."
        return DataFolderError(message, hint=f"Close it, or {OTHER_FOLDER}")
    if "malformed" in text or "not a database" in text:
        hint = "Move it away to start with an empty one; the artifacts are kept."
        return DataFolderError(f"The database '{path}' is damaged ({text}).", hint=hint)
    if "readonly" in text or "unable to open" in text:
        hint = "Choose a data folder that you may write with the setting 'home'."
        return DataFolderError(f"'{path}' cannot be written ({text}).", hint=hint)
    return StorageError(f"The database '{path}' failed: {text}.")


def _as_error(error: BaseException, path: Path) -> BaseException:
    if isinstance(error, OSError):
        return StorageError.of(error, Path(error.filename or path))
    return translated(error, path) if isinstance(error, DatabaseError | sqlite3.Error) else error


def _place(path: Path) -> tuple[int, int] | None:
    """The device and inode of the file at a path; `None` without a file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _busy(error: BaseException) -> bool:
    """Whether another program has locked the database, so that no operation is at fault."""
    return getattr(getattr(error, "orig", error), "sqlite_errorcode", 0) == sqlite3.SQLITE_BUSY


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),  # a URL as text would end at a '?' or a '#'
        connect_args={"timeout": LOCKED_SECONDS, "check_same_thread": False, "isolation_level": None},
        pool_size=16,
        max_overflow=240,
    )
    event.listen(engine, "connect", _configure)
    return engine


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    try:
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "wal_autocheckpoint=2000"):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:  # for example a full disk: the pool drops a connection whose setup fails
        connection.close()
        raise


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
