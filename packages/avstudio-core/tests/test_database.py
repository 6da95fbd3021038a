from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest
from sqlalchemy import Connection, Insert, bindparam, func, insert, select, text

from avstudio_core.errors import DataFolderError, InvalidInput, StorageError
from avstudio_core.storage.expressions import listed
from avstudio_core.storage.sqlite import database
from avstudio_core.storage.sqlite.database import Database, Transaction
from avstudio_core.storage.sqlite.prepared import ROWS
from avstudio_core.storage.sqlite.schema import open_database
from avstudio_core.storage.tables import projects
from avstudio_core.testing import until

ADD: Insert = insert(projects)


@pytest.fixture
def base(tmp_path: Path) -> Iterator[Database]:
    made = open_database(tmp_path)
    yield made
    made.close()


def adding(name: str) -> Callable[[Transaction], str]:
    def operation(transaction: Transaction) -> str:
        transaction.execute(ADD, {"name": name, "created_at": 0.0})
        return name

    return operation


def names(base: Database) -> list[str]:
    with base.read() as connection:
        return list(connection.execute(select(projects.c.name).order_by(projects.c.name)).scalars())


def test_what_is_acknowledged_is_seen_by_others(base: Database) -> None:
    assert base.write(adding("one")) == "one"
    with sqlite3.connect(base.path) as other:
        assert other.execute("SELECT name FROM projects").fetchall() == [("one",)]
    other.close()


def test_it_syncs_each_commit_and_keeps_a_log(base: Database) -> None:
    said = base.write(
        lambda transaction: [_pragma(transaction.connection, name) for name in ("synchronous", "journal_mode")]
    )
    assert said == [2, "wal"]


def test_writers_share_commits(base: Database) -> None:
    statements: list[str] = []
    base._driver.set_trace_callback(statements.append)
    held = threading.Event()
    first = base.write_soon(lambda transaction: held.wait(10))
    rest = [base.write_soon(adding(f"{n:03}")) for n in range(200)]
    held.set()
    assert first.result(10)
    assert [future.result(10) for future in rest] == [f"{n:03}" for n in range(200)]
    assert statements.count("COMMIT") <= 3
    assert len(names(base)) == 200


def test_operations_take_effect_in_their_order(base: Database) -> None:
    def counting(transaction: Transaction) -> int:
        transaction.execute(ADD, {"name": os.urandom(8).hex(), "created_at": 0.0})
        return int(transaction.execute(select(func.count()).select_from(projects)).scalar())

    assert [future.result() for future in [base.write_soon(counting) for _ in range(20)]] == list(range(1, 21))


def test_one_that_fails_harms_no_other_of_its_group(base: Database) -> None:
    def failing(transaction: Transaction) -> None:
        transaction.execute(ADD, {"name": "half", "created_at": 0.0})
        raise InvalidInput("no")

    held = threading.Event()
    base.write_soon(lambda transaction: held.wait(10))
    good, bad, twice, last = (base.write_soon(one) for one in (adding("a"), failing, adding("a"), adding("b")))
    held.set()
    assert (good.result(10), last.result(10)) == ("a", "b")
    with pytest.raises(InvalidInput, match="no"):
        bad.result(10)
    with pytest.raises(StorageError, match=r"avstudio\.db' failed: UNIQUE"):
        twice.result(10)
    assert names(base) == ["a", "b"]


def test_what_comes_later_in_a_transaction_is_written_in_order(base: Database) -> None:
    rename = projects.update().where(projects.c.name == "old").values(name="new")

    def operation(transaction: Transaction) -> None:
        transaction.later(rename, {})
        transaction.later(ADD, {"name": "old", "created_at": 0.0})

    base.write(operation)
    assert names(base) == ["new"]


def test_a_query_sees_what_other_operations_of_its_transaction_write_later(base: Database) -> None:
    """Otherwise, what is submitted and cancelled in one group would go on."""
    held = threading.Event()
    base.write_soon(lambda transaction: held.wait(10))
    base.write_soon(lambda transaction: transaction.later(ADD, {"name": "new", "created_at": 0.0}))
    seen = base.write_soon(lambda transaction: transaction.execute(select(projects.c.name)).scalars().all())
    held.set()
    assert seen.result(10) == ["new"]


@pytest.mark.parametrize("count", [1, ROWS - 1, ROWS, 2 * ROWS + 3])
def test_however_many_rows_come_later_they_are_all_written_in_order(base: Database, count: int) -> None:
    def operation(transaction: Transaction) -> None:
        for number in range(count):
            transaction.later(ADD, {"name": f"{count - number}", "created_at": float(number)})

    base.write(operation)
    with base.read() as connection:
        found = connection.execute(select(projects.c.name, projects.c.created_at).order_by(text("rowid"))).all()
    assert found == [(f"{count - number}", float(number)) for number in range(count)]


def test_what_happens_later_to_rows_with_shared_values_takes_one_statement(base: Database) -> None:
    date = projects.update().where(projects.c.name.in_(listed("names"))).values(created_at=bindparam("at"))
    run: list[str] = []

    def operation(transaction: Transaction) -> None:
        for name, at in (("a", 1.0), ("b", 1.0), ("c", 2.0)):
            transaction.later_of(date, "names", name, {"at": at})
            transaction.later(ADD, {"name": name, "created_at": 0.0})

    base._driver.set_trace_callback(run.append)
    base.write(operation)
    with base.read() as connection:
        assert connection.execute(select(projects.c.created_at).order_by(projects.c.name)).scalars().all() == [1, 1, 2]
    assert len([sql for sql in run if sql.startswith("UPDATE")]) == 2


def test_operations_that_commit_together_have_the_same_time(base: Database) -> None:
    held, clock = threading.Event(), itertools.count().__next__
    base.write_soon(lambda transaction: held.wait(10))
    together = [base.write_soon(lambda transaction: transaction.moment(clock)) for _ in range(2)]
    held.set()
    assert [one.result(10) for one in together] == [0, 0]
    assert base.write(lambda transaction: transaction.moment(clock)) == 1


def test_many_threads_write_and_read(base: Database) -> None:
    def work(number: int) -> None:
        base.write(adding(f"{number}"))
        assert f"{number}" in names(base)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(100)))
    assert len(names(base)) == 100


def test_a_change_by_another_program_is_noticed(base: Database) -> None:
    base.changed_elsewhere()
    assert not base.changed_elsewhere()
    with sqlite3.connect(base.path) as other:
        other.execute("INSERT INTO projects VALUES ('other', 0.0)")
    other.close()
    assert base.changed_elsewhere()
    assert not base.changed_elsewhere()


def test_closing_commits_what_was_handed_over(tmp_path: Path) -> None:
    base = open_database(tmp_path)
    futures = [base.write_soon(adding(f"{n}")) for n in range(50)]
    base.close()
    base.close()
    assert all(future.done() for future in futures)
    with pytest.raises(StorageError, match="The studio is closed"):
        base.write(adding("late"))


def test_a_write_during_closing_is_completed_or_refused(tmp_path: Path) -> None:
    base = open_database(tmp_path)
    handed_over: list[str] = []

    def work(number: int) -> None:
        for count in range(1000):
            try:
                handed_over.append(base.write(adding(f"{number} {count}")))
            except StorageError:
                return

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(work, number) for number in range(8)]
        time.sleep(0.05)
        base.close()
        assert [future.result(10) for future in futures] == [None] * 8
    again = open_database(tmp_path)
    assert names(again) == sorted(handed_over)
    again.close()


def test_a_closed_database_cannot_be_read(tmp_path: Path) -> None:
    base = open_database(tmp_path)
    base.close()
    with pytest.raises(StorageError, match="The studio is closed"):
        names(base)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_must_open_its_own_studio(base: Database) -> None:
    child = os.fork()
    if not child:
        try:
            base.write(adding("one"))
        except StorageError as error:
            os._exit("fork" in str(error))
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def test_readers_that_were_many_leave_few_connections(base: Database) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(3 * database.IDLE):
            stack.enter_context(base.read())
    assert len(base._idle) == database.IDLE


def test_a_database_that_another_program_holds_is_reported(base: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    base.write(lambda transaction: _pragma(transaction.connection, "busy_timeout=50"))
    holder = sqlite3.connect(base.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    futures = [base.write_soon(adding(f"{n}")) for n in range(400)]
    for future in futures:
        with pytest.raises(DataFolderError, match="Another program has held"):
            future.result(10)
    assert time.monotonic() - began < 400 * 0.05 / 2, "all that wait together fail together"
    assert names(base) == [], "reading goes on"
    holder.execute("ROLLBACK")
    holder.close()
    assert base.write(adding("after")) == "after"


@pytest.mark.parametrize("damage", [b"This is a letter to a friend, not a database. " * 200, None])
def test_a_damaged_database_is_reported(tmp_path: Path, damage: bytes | None) -> None:
    open_database(tmp_path).close()
    path = tmp_path / "avstudio.db"
    content = bytearray(path.read_bytes())
    content[100:8192] = b"\xff" * 8092
    path.write_bytes(damage or bytes(content))
    with pytest.raises(DataFolderError, match=r"is damaged .* Move it away to start with an empty one"):
        open_database(tmp_path)


def test_a_damaged_database_prints_nothing(tmp_path: Path) -> None:
    (tmp_path / "avstudio.db").write_bytes(b"no database" * 1000)
    code = f"from avstudio_core import Studio\ntry: Studio(home={str(tmp_path)!r})\nexcept Exception as error: print(error)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "is damaged" in ran.stdout
    assert ran.stderr == ""


def test_an_unexpected_failure_reaches_the_caller(base: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        base.write(lambda transaction: 1 // 0)
    assert base.write(adding("after")) == "after"


def test_groups_are_bounded(base: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "GROUP", 10)
    statements: list[str] = []
    base._driver.set_trace_callback(statements.append)
    held = threading.Event()
    base.write_soon(lambda transaction: held.wait(10))
    futures = [base.write_soon(adding(f"{n}")) for n in range(95)]
    held.set()
    for future in futures:
        future.result(10)
    assert statements.count("COMMIT") >= 10


def _pragma(connection: Connection, name: str) -> object:
    row = connection.exec_driver_sql(f"PRAGMA {name}").fetchone()
    return row[0] if row else None


def test_a_group_is_synced_unless_none_in_it_asks_for_that(base: Database) -> None:
    statements: list[str] = []
    base._driver.set_trace_callback(statements.append)
    for synced in (False, False, True, False):
        base.write_soon(adding(f"{len(statements)}"), synced=synced).result(10)
    assert [one.rpartition("=")[2] for one in statements if "synchronous" in one] == ["NORMAL", "FULL", "NORMAL"]
    assert len(names(base)) == 4


def test_an_operation_that_is_called_off_in_time_is_not_done(base: Database) -> None:
    held = threading.Event()
    first = base.write_soon(lambda transaction: held.wait(10))
    called_off = base.write_soon(adding("never"))
    assert called_off.cancel()
    held.set()
    assert first.result(10)
    base.write(adding("later"))
    assert names(base) == ["later"]


def test_what_needs_no_sync_is_written_at_once_where_no_one_else_writes(base: Database) -> None:
    here = base.write_soon(lambda transaction: threading.get_ident(), synced=False)
    assert here.done()
    assert here.result() == threading.get_ident()
    held = threading.Event()
    first = base.write_soon(lambda transaction: held.wait(10))
    behind = base.write_soon(lambda transaction: threading.get_ident(), synced=False)
    assert not behind.done()
    held.set()
    assert first.result(10)
    assert behind.result(10) != threading.get_ident()


def test_what_needs_no_sync_does_not_wait_for_another_program(base: Database) -> None:
    other = sqlite3.connect(base.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    written = base.write_soon(adding("later"), synced=False)
    assert not written.done()
    other.execute("COMMIT")
    other.close()
    written.result(10)
    assert names(base) == ["later"]


def test_writers_of_both_kinds_lose_nothing(base: Database) -> None:
    def write(thread: int) -> None:
        for number in range(50):
            base.write_soon(adding(f"{thread}-{number}"), synced=number % 3 == 0).result(10)

    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names(base)) == 400
    assert base._handed_over == 0


def test_what_was_written_without_a_sync_is_synced_soon_after(base: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: SimpleQueue[int] = SimpleQueue()
    log = os.stat(f"{base.path}-wal").st_ino

    def sync(file: int) -> None:
        if (synced_file := os.fstat(file).st_ino) == log:  # other databases of this process are synced, too
            synced.put(synced_file)

    monkeypatch.setattr(os, "fsync", sync)
    base.write_soon(adding("one"), synced=False).result(60)
    assert synced.get(timeout=60) == log
    base.write_soon(adding("two"), synced=False).result(60)
    base.close()
    assert synced.get(timeout=60) == log


def test_what_was_written_during_the_last_sync_is_synced_before_the_file_is_closed(
    base: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, begun, go_on = os.stat(f"{base.path}-wal").st_ino, SimpleQueue[int](), threading.Event()

    def sync(file: int) -> None:
        if os.fstat(file).st_ino == log:
            begun.put(file)
            assert go_on.wait(60)

    monkeypatch.setattr(os, "fsync", sync)
    base.write_soon(adding("one"), synced=False).result(60)
    begun.get(timeout=60)
    base.write_soon(adding("two"), synced=False).result(60)
    closing = threading.Thread(target=base.close)
    closing.start()
    until(base._late_sync._closing.is_set)
    go_on.set()
    begun.get(timeout=60)
    closing.join(60)


def test_an_action_after_a_commit_does_not_run_after_a_rollback(base: Database) -> None:
    told: list[str] = []

    def failing(transaction: Transaction) -> None:
        transaction.after_commit(lambda: told.append("failing"))
        raise InvalidInput("no")

    def good(transaction: Transaction) -> int:
        transaction.after_commit(lambda: told.append("good"))
        transaction.next_generation()
        return transaction.generation()

    with pytest.raises(InvalidInput):
        base.write(failing)
    first = base.write(good)
    assert (base.write(good), told) == (first + 1, ["good", "good"])


def test_what_is_committed_is_not_repeated_when_what_follows_it_fails(base: Database) -> None:
    def fail() -> None:
        raise RuntimeError("on purpose")

    def operation(transaction: Transaction) -> None:
        transaction.execute(ADD, {"name": "once", "created_at": 0.0})
        transaction.after_commit(fail)

    base.write(operation)
    assert names(base) == ["once"]
