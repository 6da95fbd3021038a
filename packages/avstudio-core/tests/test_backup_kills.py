"""A backup or a restore that is killed at any of its operations on files loses nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from avstudio_core import Studio
from avstudio_core.storage.backup.backup import back_up
from avstudio_core.storage.backup.restore import restore
from avstudio_core.storage.backup.verification import verify

OPERATIONS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "sqlite3.connect", "fcntl.flock")
EVERY = 3
"""Which of the operations are tried: each kind occurs several times in a row."""


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Run something in a fork that kills itself at an operation; whether it came so far."""
    child = os.fork()
    if child == 0:
        operations = count()

        def kill(event: str, arguments: object) -> None:
            if event in OPERATIONS and next(operations) == number:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(kill)
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def made(home: Path, names: str) -> Path:
    """A data folder with a source for each letter."""
    with Studio(home=home, executor="inline", plugins="") as studio:
        for name in names:
            path = home / "source.txt"
            path.write_text(name)
            studio.take_in(path)
    return home


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_killed_backup_leaves_the_older_ones_whole(tmp_path: Path) -> None:
    home, first = made(tmp_path / "home", "ab"), tmp_path / "first"
    older = back_up(home, first, "1").snapshot
    made(home, "cd")
    for number in count(0, EVERY):
        folder = tmp_path / f"backup{number}"
        shutil.copytree(first, folder)
        going_on = killed_at(number, partial(back_up, home, folder, "1", keep=2))
        found = verify(folder)
        assert found.flaws == (), number
        assert older in [one.snapshot.id for one in found.snapshots]
        if number % (5 * EVERY) == 0:
            assert back_up(home, folder, "1", keep=1).files == 4
            assert (verify(folder).flaws, verify(folder).unused) == ((), 0)
        shutil.rmtree(folder)
        if not going_on:
            break
    assert number > 20


def test_a_killed_removal_of_old_snapshots_leaves_the_others_whole(tmp_path: Path) -> None:
    home, first = made(tmp_path / "home", "ab"), tmp_path / "first"
    back_up(home, first, "1")
    shutil.rmtree(home)
    made(home, "cd")
    back_up(home, first, "1")
    for number in count(40, EVERY):
        folder = tmp_path / f"backup{number}"
        shutil.copytree(first, folder)
        going_on = killed_at(number, partial(back_up, home, folder, "1", keep=1))
        assert verify(folder).flaws == (), number
        if not going_on:
            break
    assert len(verify(folder).snapshots) == 1


def test_a_killed_restore_leaves_the_old_folder_or_the_new_one(tmp_path: Path) -> None:
    backup, rest = tmp_path / "backup", made(tmp_path / "rest", "xy")
    back_up(made(tmp_path / "first", "ab"), backup, "1")
    old = sha256(rest / "avstudio.db")
    for number in count(0, EVERY):
        world = tmp_path / f"world{number}"
        shutil.copytree(rest, world / "home")
        home = world / "home"
        going_on = killed_at(number, partial(restore, backup, home, replace=True))
        databases = {path.parent.name: sha256(path) for path in world.glob("home*/avstudio.db")}
        assert old in databases.values(), number
        now = databases["home"]
        new = verify(backup).snapshots[0].snapshot.database.sha256
        assert now in (old, new)
        assert {path.name for path in home.glob("artifacts/*/*")} == {
            path.name for path in (rest if now == old else tmp_path / "first").glob("artifacts/*/*")
        }
        if number % (5 * EVERY) == 0:
            restore(backup, home, replace=True)
            assert sha256(home / "avstudio.db") == new
            assert old in {sha256(path) for path in world.glob("home.before*/avstudio.db")}
        shutil.rmtree(world)
        if not going_on:
            break
    assert number > 20


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(["add", "remove", "backup", "keep"]), min_size=3, max_size=10))
def test_any_order_of_work_and_backups_leaves_snapshots_of_their_moments(
    tmp_path_factory: pytest.TempPathFactory, actions: list[str]
) -> None:
    world = tmp_path_factory.mktemp("world")
    home, backup, numbers = world / "home", world / "backup", count()
    moments: dict[str, set[bytes]] = {}
    stored: dict[str, bytes] = {}
    with Studio(home=home, executor="inline", plugins="") as studio:
        for action in actions:
            if action == "add":
                path, text = world / "source", b"%d" % next(numbers)
                path.write_bytes(text)
                stored[studio.take_in(path).id] = text
            elif action == "remove" and stored:
                studio.delete_artifact(stored.popitem()[0])
            elif action in ("backup", "keep"):
                kept = 2 if action == "keep" else None
                moments[back_up(home, backup, "1", keep=kept).snapshot] = {*stored.values()}
                if kept:
                    moments = dict(list(moments.items())[-kept:])
    if moments:
        found = verify(backup)
        assert found.flaws == ()
        assert [one.snapshot.id for one in found.snapshots] == [*moments]
    for name, texts in moments.items():
        restore(backup, world / name, name)
        assert {path.read_bytes() for path in (world / name).glob("artifacts/*/*")} == texts
