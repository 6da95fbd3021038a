"""Folders whose files may be named: no name, link or race leads out of them."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import ModuleType

import pytest

from avstudio_core import LOCAL, Principal, Roots, Session, Studio, TaskOptions
from avstudio_core.errors import AVStudioError, NotAllowed, UnreadableMedia
from avstudio_core.testing import exercises

SECRET = b"the secret of this machine"


@pytest.fixture
def studio_plugins() -> list[ModuleType]:
    return [exercises]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "song.txt").write_bytes(b"song")
    (tmp_path / "secret.txt").write_bytes(SECRET)
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "up").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    return folder


@pytest.fixture
def session(studio: Studio, root: Path) -> Session:
    return studio.session(Principal("guest"), Roots([root]))


def test_a_file_in_a_root_is_taken_in(session: Session, root: Path) -> None:
    found = session.given(str(root / "inner" / "song.txt"))
    assert (found.name, found.media_type) == ("song.txt", "text/plain")  # type: ignore[union-attr]
    assert session.take_in(root / "inner" / "song.txt").path.read_bytes() == b"song"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "link.txt",
            "up/secret.txt",
            "../secret.txt",
            "inner/../../secret.txt",
            "inner/./song.txt",
            "inner//song.txt",
        ),
        *("", "inner", "inner/", "pipe", "none.txt", "inner/song.txt/", "inner/song.txt/x", "\0", "a\0b", "\udcff"),
        *("..", ".", "%2e%2e/secret.txt", "..\\secret.txt", "inner/song.txt\0.wav", "a" * 5000, "/etc/passwd"),
    ],
)
def test_a_hostile_path_is_refused(session: Session, root: Path, name: str) -> None:
    for given in (f"{root}/{name}", name, f"{root}{name}", f"{root}/inner/../{name}"):
        with pytest.raises(AVStudioError):
            session.given(given)


def test_a_file_that_does_not_exist_is_not_called_a_link(session: Session, root: Path) -> None:
    with pytest.raises(UnreadableMedia) as refused:
        session.take_in(root / "missing.wav")
    assert refused.value.hint == "Check its name."


def test_without_roots_no_file_can_be_named(studio: Studio, root: Path) -> None:
    session = studio.session(LOCAL, Roots([]))
    for given in (root / "inner" / "song.txt", "-", "~/x", "song.txt", "/proc/self/environ"):
        with pytest.raises(NotAllowed):
            session.given(given)
    with pytest.raises(NotAllowed):
        session.export(studio.take_in(root / "inner" / "song.txt"), root / "copy.txt")
    with pytest.raises(NotAllowed):
        studio.session(Principal("guest", scopes=["read", "run"]), Roots([root])).given(str(root / "inner/song.txt"))


def test_the_data_folder_and_the_system_are_closed(studio: Studio, tmp_path: Path) -> None:
    session = studio.session(Principal("guest"), Roots([Path("/"), tmp_path]))
    for given in (studio.settings.home / "avstudio.db", Path("/proc/self/environ"), Path("/proc/version")):
        with pytest.raises(NotAllowed):
            session.given(str(given))
    (tmp_path / "song.txt").write_text("song")
    assert session.given(str(tmp_path / "song.txt"))


def test_a_file_that_is_replaced_by_a_link_is_not_followed(session: Session, root: Path, tmp_path: Path) -> None:
    song, ended = root / "inner" / "song.txt", threading.Event()

    def swap() -> None:
        while not ended.is_set():
            for target, link in ((tmp_path / "secret.txt", True), (root / "inner" / "other.txt", False)):
                new = root / "new"
                new.unlink(missing_ok=True)
                new.symlink_to(target) if link else new.write_bytes(b"song")
                new.replace(song)

    swapping = threading.Thread(target=swap)
    swapping.start()
    taken = tries = 0
    while tries < 300 or (not taken and tries < 30_000):
        tries += 1
        try:
            assert session.take_in(song).size == 4
            taken += 1
        except UnreadableMedia:
            pass
    ended.set()
    swapping.join()
    assert taken
    assert not any(path.read_bytes() == SECRET for path in (tmp_path / "av-studio").rglob("*") if path.is_file())


@pytest.mark.parametrize("how", ["submit", "run", "check"])
@pytest.mark.parametrize("plan", ["exercise.wait", "exercise.none", "exercise.copy file=@none.x"])
def test_a_file_for_a_plan_that_is_not_valid_leaves_no_copy(session: Session, root: Path, plan: str, how: str) -> None:
    ask = {"submit": session.submit_plan, "run": session.start_run, "check": session.check_plan}[how]
    with pytest.raises(AVStudioError):
        ask(plan, root / "inner" / "song.txt")  # type: ignore[operator]
    assert session.media.page().items == []


def test_a_checked_plan_leaves_no_copy_and_a_submitted_one_reads_it(session: Session, root: Path) -> None:
    song = str(root / "inner" / "song.txt")
    session.check_plan("exercise.copy", song)
    assert session.media.page().items == []
    session.submit_plan("exercise.copy", song, options=TaskOptions(project="film")).result(30)
    assert [file.project for file in session.media.page().items] == ["film"]
