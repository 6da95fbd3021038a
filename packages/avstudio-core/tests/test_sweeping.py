"""The sweep removes only files without references, and all of them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from avstudio_core import Studio
from avstudio_core.artifact import Artifact
from avstudio_core.errors import TaskFailed
from avstudio_core.storage import artifact_rows
from avstudio_core.storage.folder.store import FolderStore
from avstudio_core.storage.sqlite.database import Database, Transaction
from avstudio_core.storage.sqlite.schema import open_database
from avstudio_core.storage.sweep import abandon, check, sweep
from avstudio_core.testing import exercises

ENDLESS = """
class Made(Result):
    file: Artifact

    def texts(self):
        return [1]


class Make(Processor[Params, Made]):
    "Makes a file, and returns texts that are none."

    name = "test.make"

    def run(self, source, params, context):
        path = context.new_path("x")
        path.write_bytes(b"made")
        return Made(file=context.publish(path, "x", "text/plain"))


@hookimpl
def register_processors():
    return [Make]
"""


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return open_database(tmp_path)


def staged(store: FolderStore, tmp_path: Path) -> tuple[Path, Artifact]:
    """A file of a job that is not there any more."""
    (tmp_path / "file").write_bytes(b"content")
    folder = store.folder("job_1")
    sha256, size = store.copy_in(tmp_path / "file", folder)
    return folder, Artifact(id="art_1", name="file", sha256=sha256, size=size, media_type="text/plain")


def test_what_is_published_in_the_same_commit_as_a_sweep_stays(
    store: FolderStore, database: Database, tmp_path: Path
) -> None:
    folder, artifact = staged(store, tmp_path)

    def publish(transaction: Transaction) -> None:
        store.link(artifact.sha256, folder)
        transaction.later(artifact_rows.ADD_ARTIFACT, artifact_rows.row_of(artifact, "local", 0.0))

    def slow(transaction: Transaction) -> None:
        futures.append(database.write_soon(publish))
        futures.append(abandon(database, store, folder))

    futures: list[object] = []
    database.write(slow)  # while this runs, the two gather for one commit
    database.write(lambda _: None)
    assert list(check(database, store)) == []
    assert store.path(artifact.sha256).read_bytes() == b"content"
    database.close()


def test_a_sweep_removes_what_a_dead_studio_linked_and_did_not_record(
    store: FolderStore, database: Database, tmp_path: Path
) -> None:
    folder, artifact = staged(store, tmp_path)
    store.link(artifact.sha256, folder)
    sweep(database, store, running=(), dead=())
    assert list(store.stored()) == []
    assert list(store.leftovers()) == []
    database.close()


def test_a_sweep_leaves_the_jobs_that_run_alone(store: FolderStore, database: Database, tmp_path: Path) -> None:
    folder, _ = staged(store, tmp_path)
    sweep(database, store, running=["job_1"], dead=())
    assert list(store.leftovers()) == [folder]
    database.close()


def test_a_result_that_cannot_be_published_leaves_no_file(
    write_plugin: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    with (
        Studio(add=[write_plugin(ENDLESS)], home=tmp_path, plugins="core", executor="inline") as studio,
        pytest.raises(TaskFailed, match="not a text to search for"),
    ):
        studio.run("test.make")
    assert list(studio._store.stored()) == []
    assert list(studio._store.leftovers()) == []


def test_what_is_in_the_way_of_a_stored_file_gives_way(tmp_path: Path) -> None:
    (tmp_path / "source.txt").write_text("content")
    with Studio(home=tmp_path / "home", plugins="core", executor="inline") as studio:
        (studio.settings.home / "artifacts" / "ed").write_text("in the way of the folder of this content's sha256")
        assert studio.take_in(tmp_path / "source.txt").path.read_text() == "content"
    assert list(studio._store.leftovers()) == []


KILLED = """
import os, signal, sys
from avstudio_core import Studio
from avstudio_core.tasks.queue import publication
from avstudio_core.testing import exercises

publication.publish = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
studio = Studio(add=[exercises], home=sys.argv[1], plugins="core", executor="inline")
handle = studio.submit("exercise.copy", sys.argv[2])
print(handle.task_id, flush=True)
handle.result()
"""


def test_a_studio_that_is_killed_between_upload_and_commit_publishes_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("content")
    command = [sys.executable, "-c", KILLED, str(tmp_path / "home"), str(tmp_path / "a.txt")]
    killed = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=120, check=False)
    assert killed.returncode == -signal.SIGKILL
    with Studio(add=[exercises], home=tmp_path / "home", plugins="core", executor="inline") as studio:
        (left,) = [
            path.name for folder in studio._store.leftovers() for path in folder.glob("*") if len(path.name) == 64
        ]
        assert studio._store.path(left).exists()
        studio.start()
        assert studio.handle(killed.stdout.strip()).result(60)
        assert list(check(studio._database, studio._store)) == []


def test_content_that_was_removed_after_its_upload_is_linked_again(
    store: FolderStore, database: Database, tmp_path: Path
) -> None:
    folder, artifact = staged(store, tmp_path)
    store.link(artifact.sha256, folder)
    store.remove([artifact.sha256])  # by the deletion of the only other file with this content

    def publish(transaction: Transaction) -> None:
        store.link_again(artifact.sha256, folder)
        transaction.later(artifact_rows.ADD_ARTIFACT, artifact_rows.row_of(artifact, "local", 0.0))

    database.write(publish)
    assert list(check(database, store)) == []
    database.close()
