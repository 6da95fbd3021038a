"""The place of the data folder, its name, and its permissions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from avstudio_core import Studio
from avstudio_core.catalogue_cache import read
from avstudio_core.errors import AVStudioError, DataFolderError, InvalidInput, UnreadableMedia
from avstudio_core.storage.sqlite.database import PLACE_SECONDS
from avstudio_core.testing import until

OpenStudio = Callable[..., Studio]
ODD = [
    "a?b",
    "a#b",
    "100% done",
    "100%25 done",
    "a b",
    "ä 歌 🎵",
    "a'b\"c",
    "a\\b",
    ":memory:",
    "file:x?mode=ro",
    "-x",
    "a;b",
    "a\nb",
    "~x",
    "a&b=c",
]

WRITING = """
class WritingResult(Result):
    made: Artifact = Field(description="A file.")

class Writing(Processor[Params, WritingResult]):
    "Write."
    name = "writing.write"
    def run(self, source, params, context):
        path = context.new_path("a.txt")
        path.write_text("words")
        context.new_path("b.txt").write_text("left")
        return WritingResult(made=context.publish(path, "a.txt", "text/plain"))

@hookimpl
def register_processors(): return [Writing]
"""


@pytest.mark.parametrize("name", ODD)
def test_a_data_folder_may_have_any_name(open_studio: OpenStudio, tmp_path: Path, name: str) -> None:
    for folder in (tmp_path / name, tmp_path / f"{name}2"):
        source = tmp_path / "text.txt"
        source.write_text(folder.name)
        with open_studio(home=folder) as studio:
            artifact = studio.take_in(source)
        with open_studio(home=folder) as studio:
            assert studio.artifact(artifact.id).path.read_text() == folder.name
        assert (folder / "avstudio.db").is_file()
    with open_studio(home=tmp_path / name) as studio, pytest.raises(InvalidInput):
        studio.artifact(artifact.id)  # it is in the other folder
    assert sorted(tmp_path.iterdir()) == sorted(
        [tmp_path / name, tmp_path / f"{name}2", tmp_path / "text.txt", *tmp_path.glob("plugins")]
    )


@pytest.mark.parametrize("name", ["x" * 300, "y/" * 3000, "a\0b", "\ud800", os.fsdecode(b"\xff")])
def test_an_impossible_data_folder_is_refused_on_opening(tmp_path: Path, name: str) -> None:
    with pytest.raises(AVStudioError):
        Studio(home=f"{tmp_path}/{name}", plugins="")


def test_a_data_folder_without_permission_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0)
    done = _opened(tmp_path / "home", "os.geteuid() or os.setuid(65534)")
    assert done.stderr.strip().endswith("cannot be read: Permission denied.")
    assert "InvalidParams" in done.stderr.splitlines()[-1]


def test_a_user_without_a_home_folder_has_a_data_folder_if_one_is_named(tmp_path: Path) -> None:
    nobody = "import pwd; pwd.getpwuid = {}.__getitem__; del os.environ['HOME']"
    done = _opened(tmp_path / "home", nobody)
    assert (done.returncode, done.stderr) == (0, "")
    done = _opened(tmp_path / "home", f"{nobody}; del os.environ['AVSTUDIO_HOME']")
    assert "InvalidInput: This user has no home folder." in done.stderr


def _opened(home: Path, first: str) -> subprocess.CompletedProcess[str]:
    """The result of opening a data folder in a separate process, after running some code there."""
    code = f"import os; from avstudio_core import Studio; {first}; Studio(plugins='').close()"
    environment = {**os.environ, "AVSTUDIO_HOME": str(home), "HOME": "/"}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_only_the_owner_can_read_the_data_folder_with_any_umask(
    open_studio: OpenStudio, write_plugin: Callable[[str], ModuleType], tmp_path: Path, executor: str
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    before = os.umask(0)
    try:
        studio = open_studio(write_plugin(WRITING), home=home, executor=executor)
        made = studio.run("writing.write").made
        studio.take_in(made.path)
        studio.export(made, tmp_path / "out.txt")
        read(home / "cache", [])
    finally:
        os.umask(before)
    open_to_others = [path for path in home.rglob("*") if path.stat().st_mode & 0o077]
    assert open_to_others == []
    assert (tmp_path / "out.txt").stat().st_mode & 0o777 == 0o666


@pytest.mark.parametrize("name", ["~draft.txt", "~nosuchuser", "~", "~~"])
def test_a_tilde_may_begin_a_name(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    for folder in (tmp_path, tmp_path / "user"):
        folder.mkdir(exist_ok=True)
        (folder / "x.txt").write_text(folder.name)
    (tmp_path / name).mkdir()
    (tmp_path / name / "x.txt").write_text("in a folder with a tilde")
    found = studio.take_in(f"{name}/x.txt").path.read_text()
    assert found == ("user" if name == "~" else "in a folder with a tilde")
    assert studio.take_in(f"./{name}/x.txt").path.read_text() == "in a folder with a tilde"


def test_a_file_of_the_system_is_not_a_source(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/proc/self/environ")
    (tmp_path / "big").symlink_to("/sys/kernel/mm/transparent_hugepage/enabled")
    for path in ("/proc/self/environ", "/proc/version", "/dev/zero", "/dev/fd/0", tmp_path / "link", tmp_path / "big"):
        with pytest.raises(UnreadableMedia):
            studio.take_in(path)


def _replace(home: Path) -> None:
    copy = shutil.copytree(home, home.with_name("copy"))
    shutil.rmtree(home)
    copy.rename(home)


@pytest.mark.parametrize("gone", [shutil.rmtree, lambda home: home.rename(home.with_name("elsewhere")), _replace])
def test_every_call_fails_after_the_data_folder_was_moved_or_deleted(
    tmp_path: Path, write_plugin: Callable[[str], ModuleType], gone: Callable[[Path], object]
) -> None:
    home = tmp_path / "home"
    studio = Studio(home=home, add=[write_plugin(WRITING)], executor="inline", plugins="")
    studio.run("writing.write")
    while any((home / "staging").iterdir()):  # the engine empties it after the result is known
        time.sleep(0.01)
    gone(home)
    time.sleep(PLACE_SECONDS)
    for use in (
        partial(studio.submit, "writing.write"),
        studio.tasks.find,
        studio.ledger.budgets,
        partial(studio.artifact, "art_1"),
        studio.close,
    ):
        with pytest.raises(DataFolderError, match="was moved, replaced or deleted"):
            use()
    until(lambda: not {"engine", "database"} & {thread.name for thread in threading.enumerate()})


@pytest.fixture
def studio(open_studio: OpenStudio, write_plugin: Callable[[str], ModuleType]) -> Studio:
    return open_studio()
