"""Backups: whole and unchanged however they are made, and what is wrong with one is found."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from avstudio_core import Studio
from avstudio_core.errors import CorruptFile, DataFolderError, InvalidInput, NotFound, StorageError
from avstudio_core.storage.backup.backup import Backup, back_up
from avstudio_core.storage.backup.restore import restore
from avstudio_core.storage.backup.snapshot import SMALL
from avstudio_core.storage.backup.verification import verify
from avstudio_core.testing import until

OpenStudio = Callable[..., Studio]


@pytest.fixture
def studio(open_studio: OpenStudio, copying: ModuleType) -> Studio:
    return open_studio(copying)


@pytest.fixture
def run(studio: Studio, tmp_path: Path) -> Callable[[str], str]:
    """Runs a task that makes a file with that text; returns the task's id."""

    def ran(text: str) -> str:
        path = tmp_path / "source.txt"
        path.write_text("a")
        handle = studio.submit("text.copy", path, text=text)
        handle.result(30)
        return handle.task_id

    return ran


@pytest.fixture
def kept(studio: Studio, tmp_path: Path) -> Callable[..., Backup]:
    return lambda keep=None: back_up(studio.settings.home, tmp_path / "backup", "1", keep=keep)


def contents(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (home / "artifacts").glob("*/*")}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_restored_folder_has_the_same_work(
    studio: Studio, run: Callable[[str], str], kept: Callable[..., Backup], open_studio: OpenStudio, tmp_path: Path
) -> None:
    key, text = studio.keys.create("laptop")
    task, home = run("b"), tmp_path / "restored"
    assert kept().files == 2
    restore(tmp_path / "backup", home)
    assert contents(home) == contents(studio.settings.home)
    with Studio(home=home, executor="inline", plugins="") as other:
        assert other.tasks.get(task) == studio.tasks.get(task)
        assert other.keys.principal_of(text).key == key.id


def test_secrets_are_not_in_a_backup(studio: Studio, kept: Callable[..., Backup], tmp_path: Path) -> None:
    (studio.settings.home / "secrets.json").write_text('{"OPENAI_API_KEY": "canary"}')
    kept()
    assert [
        path for path in (tmp_path / "backup").rglob("*") if path.is_file() and b"canary" in path.read_bytes()
    ] == []


def test_the_next_backup_copies_only_what_is_new(run: Callable[[str], str], kept: Callable[..., Backup]) -> None:
    run("b")
    assert kept().new_files == 2
    run("c")
    assert (kept().new_files, kept().new_files) == (1, 0)


def test_a_large_database_is_copied_only_where_it_changed(
    run: Callable[[str], str], kept: Callable[..., Backup], tmp_path: Path
) -> None:
    def chunks() -> set[str]:
        kept()
        return set(verify(tmp_path / "backup").snapshots[-1].snapshot.database.chunks)

    run("b" * 8_000_000)
    before = chunks()
    run("c")
    after = chunks()
    assert len(after) >= 8
    assert len(after - before) <= 3


def test_a_backup_beside_a_studio_that_works_is_of_one_moment(
    studio: Studio, run: Callable[[str], str], kept: Callable[..., Backup], tmp_path: Path
) -> None:
    ended = threading.Event()

    def work() -> None:
        for number in range(1000):
            if ended.is_set():
                return
            task = run(f"text {number}")
            if number % 3 == 0:
                studio.tasks.delete(task)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        made = [kept() for _ in range(5)]
    finally:
        ended.set()
        worker.join()
    assert verify(tmp_path / "backup").flaws == ()
    assert [one.absent for one in made] == [()] * 5
    for one, found in zip(made, verify(tmp_path / "backup").snapshots, strict=True):
        home = tmp_path / one.snapshot
        restore(tmp_path / "backup", home, one.snapshot)
        assert sha256(home / "avstudio.db") == found.snapshot.database.sha256
        assert {name: hashlib.sha256(data).hexdigest() for name, data in contents(home).items()} == {
            name: name for name in found.snapshot.files
        }


def test_a_file_that_is_removed_while_it_is_copied_is_not_lost_but_gone(
    studio: Studio, run: Callable[[str], str], kept: Callable[..., Backup], tmp_path: Path
) -> None:
    task = run("b")
    place = studio.result_of(studio.tasks.get(task)).made.path
    place.unlink()
    with place.open("wb") as file:
        file.truncate(128 << 20)  # takes long to copy, and is not the content of its name

    def remove() -> None:
        until(lambda: [*(tmp_path / "backup").glob("unfinished.nosync/*.partial")])
        studio.tasks.delete(task)

    remover = threading.Thread(target=remove)
    remover.start()
    made = kept()
    remover.join()
    assert (made.absent, made.files) == ((), 0)


def test_a_fifo_in_the_place_of_a_stored_file_is_a_lost_file(
    studio: Studio, run: Callable[[str], str], kept: Callable[..., Backup]
) -> None:
    place = studio.result_of(studio.tasks.get(run("b"))).made.path
    place.unlink()
    os.mkfifo(place)
    assert kept().absent == (place.name,)
    os.mkfifo(studio.settings.home / SMALL[0])
    with pytest.raises(DataFolderError, match="Not a file"):
        kept()


def test_a_restore_beside_a_studio_that_works_changes_nothing_in_it(
    studio: Studio, run: Callable[[str], str], kept: Callable[..., Backup], tmp_path: Path
) -> None:
    tasks = [run(text) for text in "bcd"]
    kept()
    home, later = tmp_path / "other", threading.Thread(target=lambda: [run(f"{number}") for number in range(20)])
    later.start()
    restore(tmp_path / "backup", home)
    with Studio(home=home, executor="inline", plugins="") as other:
        found = {task.id: task for task in other.tasks.find()}
        assert found == {task: studio.tasks.get(task) for task in tasks}
    assert contents(home).items() <= contents(studio.settings.home).items()
    later.join()
    assert len(studio.tasks.find(limit=100)) == 23


def test_only_the_newest_snapshots_are_kept(
    run: Callable[[str], str], studio: Studio, kept: Callable[..., Backup], tmp_path: Path
) -> None:
    first = run("b")
    kept()
    studio.tasks.delete(first)
    run("c")
    names = [kept(keep=2).snapshot, kept(keep=2).snapshot]
    found = verify(tmp_path / "backup")
    assert [one.snapshot.id for one in found.snapshots] == names
    assert (found.flaws, found.unused) == ((), 0)


def test_content_is_kept_while_a_snapshot_cannot_be_read(
    run: Callable[[str], str], kept: Callable[..., Backup], tmp_path: Path
) -> None:
    run("b")
    kept()
    [first] = (tmp_path / "backup" / "snapshots").iterdir()
    waiting = first.with_name(f".{first.name}.icloud")
    text = first.read_bytes()
    first.rename(waiting)
    run("c")
    kept(keep=1)
    kept(keep=1)
    waiting.unlink()
    first.write_bytes(text)
    assert verify(tmp_path / "backup").flaws == ()


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def away(path: Path) -> None:
    path.rename(path.with_name(f".{path.name}.icloud"))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [(flip, "is damaged"), (cut, "bytes instead of"), (Path.unlink, "is missing"), (away, "only in the cloud")],
)
def test_damaged_content_is_found(
    run: Callable[[str], str],
    kept: Callable[..., Backup],
    tmp_path: Path,
    spoil: Callable[[Path], None],
    said: str,
) -> None:
    run("b")
    kept()
    for path in sorted((tmp_path / "backup" / "content").glob("*/*")):
        copy = tmp_path / "copy"
        shutil.copytree(tmp_path / "backup", copy)
        spoil(copy / path.relative_to(tmp_path / "backup"))
        found = verify(copy)
        assert [said in flaw and path.name in flaw for flaw in found.flaws] == [True]
        assert [one.whole for one in found.snapshots] == [False]
        with pytest.raises(CorruptFile):
            restore(copy, tmp_path / "restored")
        assert not (tmp_path / "restored").exists()
        shutil.rmtree(copy)


@pytest.mark.parametrize("spoil", [cut, Path.unlink])
def test_the_next_backup_copies_again_what_was_lost(
    run: Callable[[str], str], kept: Callable[..., Backup], tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    run("b")
    kept()
    for path in (tmp_path / "backup" / "content").glob("*/*"):
        spoil(path)
    kept()
    assert verify(tmp_path / "backup").flaws == ()


@pytest.mark.parametrize("spoil", [flip, cut, away])
def test_a_damaged_snapshot_is_found_and_an_older_one_can_be_restored(
    run: Callable[[str], str], kept: Callable[..., Backup], tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    run("b")
    older = kept().snapshot
    kept()
    spoil(max((tmp_path / "backup" / "snapshots").iterdir()))
    found = verify(tmp_path / "backup")
    assert len(found.flaws) == 1
    assert [(one.snapshot.id, one.whole) for one in found.snapshots] == [(older, True)]
    assert restore(tmp_path / "backup", tmp_path / "restored").snapshot == older


def test_files_that_a_service_renamed_are_found(
    run: Callable[[str], str], kept: Callable[..., Backup], studio: Studio, tmp_path: Path
) -> None:
    run("b")
    kept()
    for path in [*(tmp_path / "backup").glob("content/*/*"), *(tmp_path / "backup").glob("snapshots/*")]:
        path.rename(path.with_name(f"{path.stem} 2{path.suffix}"))
    assert verify(tmp_path / "backup").flaws == ()
    restore(tmp_path / "backup", tmp_path / "restored")
    assert contents(tmp_path / "restored") == contents(studio.settings.home)


def test_what_the_data_folder_has_lost_is_named_and_left_out(
    run: Callable[[str], str], kept: Callable[..., Backup], studio: Studio, tmp_path: Path
) -> None:
    run("b")
    lost, damaged = (studio._store.path(one) for one in sorted(contents(studio.settings.home)))
    lost.unlink()
    flip(damaged)
    assert set(kept().absent) == {lost.name, damaged.name}
    assert verify(tmp_path / "backup").flaws == ()
    assert restore(tmp_path / "backup", tmp_path / "restored").files == 0


def test_a_damaged_file_can_be_left_out(run: Callable[[str], str], kept: Callable[..., Backup], tmp_path: Path) -> None:
    run("b")
    made = kept()
    name = next(iter(verify(tmp_path / "backup").snapshots[0].snapshot.files))
    flip(tmp_path / "backup" / "content" / name[:2] / name)
    restored = restore(tmp_path / "backup", tmp_path / "restored", leave_out=True)
    assert (restored.files, restored.left_out) == (made.files - 1, (name,))


def test_an_open_data_folder_is_not_replaced(
    kept: Callable[..., Backup], studio: Studio, tmp_path: Path, open_studio: OpenStudio
) -> None:
    kept()
    home = studio.settings.home
    with pytest.raises(DataFolderError, match="A studio is open on the data folder"):
        restore(tmp_path / "backup", home, replace=True)
    studio.close()
    with pytest.raises(DataFolderError, match="is not empty"):
        restore(tmp_path / "backup", home)
    (home / "secrets.json").write_text("{}")
    aside = restore(tmp_path / "backup", home, replace=True).aside
    assert aside is not None
    assert (aside / "avstudio.db").exists()
    assert (home / "secrets.json").exists()


def test_a_folder_without_work_needs_no_permission(kept: Callable[..., Backup], tmp_path: Path) -> None:
    kept()
    home = tmp_path / "new"
    (home / "cache").mkdir(parents=True)
    (home / "settings.toml").write_text("offline = true\n")
    assert restore(tmp_path / "backup", home).aside is None
    assert (home / "settings.toml").read_text() == "offline = true\n"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("new")) == ["new"]


def test_places_that_cannot_hold_a_backup_are_refused(studio: Studio, tmp_path: Path) -> None:
    home = studio.settings.home
    with pytest.raises(InvalidInput, match="is in the data folder"):
        back_up(home, home / "backup", "1")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").touch()
    with pytest.raises(InvalidInput, match="has other files"):
        back_up(home, tmp_path / "full", "1")
    with pytest.raises(DataFolderError, match="has no database"):
        back_up(tmp_path / "nothing", tmp_path / "backup", "1")
    with pytest.raises(NotFound, match="has no backup"):
        verify(tmp_path / "full")
    (tmp_path / "loop").symlink_to("loop")
    for impossible in (tmp_path / "loop", tmp_path / "loop" / "x", tmp_path / ("x" * 300)):
        for use in (lambda folder: back_up(home, folder, "1"), verify, lambda folder: restore(folder, home)):
            with pytest.raises(StorageError, match="cannot be used"):
                use(impossible)


def test_an_unknown_snapshot_is_refused(kept: Callable[..., Backup], tmp_path: Path) -> None:
    name = kept().snapshot
    with pytest.raises(NotFound, match=name):
        restore(tmp_path / "backup", tmp_path / "new", f"{name}x")
