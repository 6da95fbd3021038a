from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import pytest

from avstudio_core import Studio, catalogue
from avstudio_core.catalogue import Declaration
from avstudio_core.testing import exercises

SOURCE = """
from avstudio_core import Artifact, Params, Processor, Result, hookimpl
from pydantic import Field

class Ps(Params):
    count: int = Field(2, ge=1, le=9, description="How many.", json_schema_extra={"unit": "Hz"})

class Rs(Result):
    made: Artifact = Field(description="It.")

class Work(Processor[Ps, Rs]):
    \"\"\"Do it.

    At length.
    \"\"\"
    name = "demo.work"
    version = "7"
    accepts = ("audio/*",)
    def outputs(self, params): return {"made": "audio/wav"}
    def run(self, source, params, context): ...

@hookimpl
def register_processors(): return [Work]
"""


class Site:
    """A folder of installed packages with one plugin, `demo`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "__pycache__").mkdir()  # as pip leaves it: a folder that changes is read again
        self.module = folder / "demo_module.py"
        self.module.write_text(SOURCE)
        self.install("demo", "demo_module")

    def install(self, name: str, module: str) -> None:
        facts = self.folder / f"{name}-1.0.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (facts / "entry_points.txt").write_text(f"[avstudio]\n{name} = {module}\n")

    def write(self, name: str, source: str) -> None:
        (self.folder / f"{name}.py").write_text(source)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield Site(folder)
    for name in ("demo_module", "other_module"):
        sys.modules.pop(name, None)


def test_a_declaration_holds_all_that_an_interface_needs(site: Site, tmp_path: Path) -> None:
    found = catalogue.read(tmp_path / "cache", ["demo"]).processors["demo.work"]
    assert (found.name, found.medium, found.verb, found.version) == ("demo.work", "demo", "work", "7")
    assert (found.summary, found.description, found.distribution) == ("Do it.", "Do it.\n\nAt length.", "demo")
    assert (found.accepts, found.outputs) == (["audio/*"], {"made": "audio/wav"})
    assert found.params["properties"]["count"] == {
        "default": 2,
        "minimum": 1,
        "maximum": 9,
        "description": "How many.",
        "title": "Count",
        "type": "integer",
        "unit": "Hz",
    }
    assert {"made", "effective", "warnings", "provenance", "cache_hit"} <= found.result["properties"].keys()
    assert Declaration(**json.loads(json.dumps(asdict(found)))) == found


def test_the_cache_is_read_without_the_plugins(site: Site, tmp_path: Path) -> None:
    fresh, again = (_read_elsewhere(site, tmp_path / "cache") for _ in range(2))
    assert fresh["processors"] == again["processors"] == ["demo.work"]
    assert {"pydantic", "demo_module"} <= set(fresh["modules"])
    assert {"pydantic", "sqlalchemy", "pluggy", "demo_module", "avstudio_core.plugins"} & set(again["modules"]) == set()


def test_a_change_of_a_plugins_source_is_seen(site: Site, tmp_path: Path) -> None:
    assert _read_elsewhere(site, tmp_path / "cache")["processors"] == ["demo.work"]
    site.module.write_text(SOURCE.replace("demo.work", "demo.play"))
    os.utime(site.module, ns=(1, 1))
    assert _read_elsewhere(site, tmp_path / "cache")["processors"] == ["demo.play"]


def test_a_plugin_that_comes_or_goes_is_seen(site: Site, tmp_path: Path) -> None:
    assert _read_elsewhere(site, tmp_path / "cache", "demo,other")["processors"] == ["demo.work"]
    site.write("other_module", SOURCE.replace("demo.work", "other.work"))
    site.install("other", "other_module")
    assert _read_elsewhere(site, tmp_path / "cache", "demo,other")["processors"] == ["demo.work", "other.work"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("from avstudio_core import hookimpl\n@hookimpl\ndef register_processors(): 1 / 0", "ZeroDivisionError"),
        (
            SOURCE.replace("demo.work", "other.work").replace('return {"made": "audio/wav"}', "1 / 0"),
            "ZeroDivisionError",
        ),
        (SOURCE.replace("demo.work", "other.work").replace("[Ps, Rs]", ""), "does not say the type of its Params"),
        (SOURCE.replace("demo.work", "other.work").replace("def run", "def walk"), "lacks run"),
    ],
)
def test_a_broken_plugin_is_reported_and_harms_no_other(site: Site, tmp_path: Path, source: str, reason: str) -> None:
    site.write("other_module", source)
    site.install("other", "other_module")
    found = catalogue.read(tmp_path / "cache", ["demo", "other"])
    assert list(found.processors) == ["demo.work"]
    assert any(reason in said for said in found.broken.values()), found.broken


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"processors": {"x": {}}, "sources": {}, "broken": {}}'])
def test_a_spoilt_cache_is_made_anew(site: Site, tmp_path: Path, content: bytes) -> None:
    catalogue.read(tmp_path / "cache", ["demo"])
    (cached,) = (tmp_path / "cache").iterdir()
    cached.write_bytes(content)
    assert list(catalogue.read(tmp_path / "cache", ["demo"]).processors) == ["demo.work"]


def test_a_cache_that_cannot_be_written_does_no_harm(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert list(catalogue.read(tmp_path / "file" / "cache", ["demo"]).processors) == ["demo.work"]


def test_required_parameters_leave_the_outputs_open(write_plugin: Callable[[str], ModuleType]) -> None:
    module = write_plugin(SOURCE.replace("Field(2,", "Field("))
    assert catalogue.declare(module.Work(None), "").outputs == {}


def test_every_exercise_can_be_declared() -> None:
    declared = [catalogue.declare(kind(None), "") for kind in exercises.register_processors()]  # type: ignore[arg-type]
    assert [one.verb for one in declared] == ["copy", "wait", "fail", "load", "ask", "recall"]


def test_a_studio_has_the_catalogue_of_what_it_runs(tmp_path: Path, write_plugin: Callable[[str], ModuleType]) -> None:
    bad = write_plugin(SOURCE.replace('"demo.work"', '"Bad name"'))
    with Studio(home=tmp_path, offline=True, plugins="", add=[exercises, bad]) as studio:
        found = studio.catalogue
    assert set(found.processors) == {kind.name for kind in exercises.register_processors()}
    assert found.processors["exercise.copy"] == catalogue.declare(exercises.Copy(None), "")  # type: ignore[arg-type]
    assert any("Bad name" in f"{name} {reason}" for name, reason in found.broken.items())


def _read_elsewhere(site: Site, cache: Path, only: str = "demo") -> dict[str, list[str]]:
    """What a fresh interpreter reads, and what it had to import for it."""
    code = (
        "import json, sys; from pathlib import Path; from avstudio_core import catalogue\n"
        f"found = catalogue.read(Path({str(cache)!r}), {only.split(',')!r})\n"
        "print(json.dumps({'processors': list(found.processors), 'modules': list(sys.modules)}))"
    )
    environment = os.environ | {"PYTHONPATH": str(site.folder)}
    said: dict[str, list[str]] = json.loads(subprocess.check_output([sys.executable, "-c", code], env=environment))
    return said
