"""Exports write only inside the requested folder, and do not overwrite other files."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from avstudio_core import Studio
from avstudio_core.artifact import Artifact
from avstudio_core.errors import AVStudioError, InvalidInput, OutputExists, StorageError
from avstudio_core.names import LONGEST_NAME, file_name

NAMING = """
class NamingParams(Params):
    name: str = Field("", description="A name.")

class NamingResult(Result):
    made: dict[str, Artifact] = Field({}, description="The file, by the name.")

class Naming(Processor[NamingParams, NamingResult]):
    "Make a file of any name."
    name = "naming.make"
    def run(self, source, params, context):
        path = context.new_path("file.txt")
        path.write_text("words")
        return NamingResult(made={params.name: context.publish(path, params.name, "text/plain")})

@hookimpl
def register_processors(): return [Naming]
"""
HOSTILE = [
    "../../escaped.txt",
    "/abs.txt",
    "a/b",
    "..",
    ".",
    "",
    "a\0b",
    "two\nlines",
    "\x1b[2J",
    "a/..",
    "//",
    "x" * 999,
]
hostile = st.lists(st.sampled_from(["..", "/", ".", "\0", "\n", "~", "a", "歌", "\ud800", "\\", " "])).map("".join)


@pytest.fixture
def studio(open_studio: Callable[..., Studio], write_plugin: Callable[[str], ModuleType]) -> Studio:
    return open_studio(write_plugin(NAMING))


@given(st.text() | hostile)
@example("../" * 50)
@example("é" * 999 + ".txt")
@example("a." + "b" * 999)
def test_whatever_a_file_is_named_it_lies_directly_in_its_folder(name: str) -> None:
    clean = file_name(name)
    assert os.path.normpath(f"/out/{clean}") == f"/out/{clean}"
    assert os.path.dirname(f"/out/{clean}") == "/out"
    assert 0 < len(clean.encode()) <= LONGEST_NAME
    assert not set(clean) & {"\0", "\n", "\r", "\x1b"}
    assert file_name(clean) == clean


@pytest.mark.parametrize("name", HOSTILE)
def test_a_run_names_its_files_as_it_likes_and_they_stay_in_the_folder(
    studio: Studio, tmp_path: Path, name: str
) -> None:
    (made,) = studio.run("naming.make", name=name).made.values()
    out = tmp_path / "out"
    out.mkdir()
    before = set(tmp_path.iterdir())
    for one in (made, made.model_copy(update={"name": name})):  # one that was made past the check, too
        path = studio.export(one, out, overwrite=True)
        assert path.parent == out
        assert path.read_text() == "words"
    assert set(tmp_path.iterdir()) == before


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(name=st.text() | hostile)
def test_no_name_leads_an_export_out_of_its_folder(studio: Studio, tmp_path: Path, name: str) -> None:
    made = studio.run("naming.make").made[""]
    out = tmp_path / "deep" / "out"
    out.mkdir(parents=True, exist_ok=True)
    assert studio.export(made.model_copy(update={"name": name}), out, overwrite=True).parent == out
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


@pytest.mark.parametrize("linking", [True, False])
def test_of_exports_to_one_place_at_once_one_wins(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linking: bool
) -> None:
    made = studio.run("naming.make").made[""]
    if not linking:
        monkeypatch.setattr(os, "link", _no_links)
    for number in range(30):
        outcomes: list[object] = []
        together = threading.Barrier(3)
        threads = [
            threading.Thread(target=_export, args=(studio, made, tmp_path / f"{number}.txt", together, outcomes))
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(type(one).__name__ for one in outcomes) == ["OutputExists", "OutputExists", "PosixPath"]
        assert (tmp_path / f"{number}.txt").read_text() == "words"
    assert not list(tmp_path.glob(".partial*"))


def test_a_link_that_leads_nowhere_is_not_followed(studio: Studio, tmp_path: Path) -> None:
    made = studio.run("naming.make").made[""]
    (tmp_path / "link.txt").symlink_to(tmp_path / "elsewhere.txt")
    with pytest.raises(OutputExists):
        studio.export(made, tmp_path / "link.txt")
    studio.export(made, tmp_path / "link.txt", overwrite=True)
    assert (tmp_path / "link.txt").read_text() == "words"
    assert not (tmp_path / "elsewhere.txt").exists()


@pytest.mark.parametrize("target", [None, 3, b"\xff", "", "a\0b", "\ud800", "x" * 300, "y/" * 3000])
def test_a_place_that_cannot_be_is_refused(
    studio: Studio, target: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    made = studio.run("naming.make").made[""]
    with pytest.raises((InvalidInput, StorageError)):
        studio.export(made, target)  # type: ignore[arg-type]


def test_what_is_not_an_artifact_is_refused(studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="'art_1' is not an artifact"):
        studio.export("art_1", tmp_path)  # type: ignore[arg-type]


def _no_links(*_: object) -> None:
    raise PermissionError(1, "Operation not permitted")


def _export(studio: Studio, made: Artifact, path: Path, together: threading.Barrier, outcomes: list[object]) -> None:
    together.wait()
    try:
        outcomes.append(studio.export(made, path))
    except AVStudioError as error:
        outcomes.append(error)
