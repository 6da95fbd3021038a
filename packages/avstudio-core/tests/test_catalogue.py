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

from avstudio_core import InvalidParams, Studio, catalogue, catalogue_cache
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
    found = catalogue_cache.read(tmp_path / "cache", ["demo"]).processors["demo.work"]
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


WORDS = """
    effect = "export"
    errors = ("disk_full",)
    cues = {"en": ("work on",), "de": ["bearbeite"]}
    nouns = {"made": ("thing",)}
    slots = {"count": "number(Hz)"}
    examples = (Example(request="Work on it at 3 Hz", params={"count": 3}),)
    def needs(self, params, source): return Needs(family="mill", network=True)
    def run("""
WORDY = SOURCE.replace("    def run(", WORDS).replace("import Artifact", "import Artifact, Example, Needs")


def test_a_declaration_holds_all_that_a_planner_needs(write_plugin: Callable[[str], ModuleType]) -> None:
    found = catalogue.declare(write_plugin(WORDY).Work(None), "")
    assert (found.tool, found.effect, found.network, found.idempotent) == ("demo_work", "export", True, True)
    assert (found.needs["family"], found.errors[:3]) == ("mill", ["disk_full", "egress_refused", "invalid_input"])
    assert (found.cues["de"], found.nouns, found.slots) == (["bearbeite"], {"made": ["thing"]}, {"count": "number(Hz)"})
    assert found.examples == [{"request": "Work on it at 3 Hz", "params": {"count": 3}, "language": "en"}]
    assert Declaration(**json.loads(json.dumps(asdict(found)))) == found


def test_the_arguments_join_the_source_with_files_and_other_parameters(
    write_plugin: Callable[[str], ModuleType],
) -> None:
    more = '    words: Artifact = Field(description="Words.", json_schema_extra={"accepts": ["text/*"]})\n\nclass Rs'
    found = catalogue.declare(write_plugin(SOURCE.replace("\nclass Rs", more)).Work(None), "")
    assert found.inputs == {
        "source": {"accepts": ["audio/*"], "many": False, "required": True},
        "words": {"accepts": ["text/*"], "many": False, "required": True},
    }
    schema = found.arguments
    assert (list(schema["properties"]), schema["required"]) == (["source", "count", "words"], ["source", "words"])
    assert (schema["properties"]["source"]["accepts"], schema["additionalProperties"]) == (["audio/*"], False)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"export"', '"explode"', "The effect of 'demo.work' is 'explode'"),
        ('("disk_full",)', '"disk_full"', "The errors of 'demo.work' are not a tuple"),
        ('("work on",)', '"work on"', "The cues of 'demo.work' are not valid"),
        ('("work on",)', '("work\\n on",)', "The cues of 'demo.work' are not valid"),
        ('"en": (', '"English": (', "The cues of 'demo.work' are not valid"),
        ('("thing",)', '("",)', "The nouns of 'demo.work' are not valid"),
        ('"number(Hz)"', '"anything"', "The slots of 'demo.work' are not valid"),
        ('"count": "number', '"cuont": "number', "does not have a parameter 'cuont', but a slot"),
        ('Example(request="Work on it at 3 Hz", params={"count": 3})', '"Work on it"', "The examples of 'demo.work'"),
        ("count: int", "source: int", "has a parameter 'source'"),
    ],
)
def test_words_that_are_not_data_are_refused(
    tmp_path: Path, write_plugin: Callable[[str], ModuleType], old: str, new: str, message: str
) -> None:
    with Studio(home=tmp_path, plugins="", add=[write_plugin(WORDY.replace(old, new))]) as studio:
        assert studio.catalogue.processors == {}
        assert message in " ".join(studio.catalogue.broken.values())


def test_two_processors_of_one_tool_name_are_refused(tmp_path: Path, write_plugin: Callable[[str], ModuleType]) -> None:
    modules = [write_plugin(SOURCE.replace("demo.work", name)) for name in ("a.b_c", "a_b.c")]
    with Studio(home=tmp_path, plugins="", add=modules) as studio:
        assert list(studio.catalogue.processors) == ["a.b_c"]
        [reason] = studio.catalogue.broken.values()
    assert "'a_b.c' of plugin" in reason
    assert "'a.b_c' are both the tool 'a_b_c'" in reason


def test_outputs_are_known_for_given_parameters(tmp_path: Path, write_plugin: Callable[[str], ModuleType]) -> None:
    module = write_plugin(SOURCE.replace('{"made": "audio/wav"}', '{f"made{params.count}": "audio/wav"}'))
    with Studio(home=tmp_path, plugins="", add=[module]) as studio:
        assert studio.outputs("demo.work") == {"made2": "audio/wav"}
        assert studio.outputs("demo.work", count="3") == {"made3": "audio/wav"}
        with pytest.raises(InvalidParams):
            studio.outputs("demo.work", count=99)


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


MODEL = """
from avstudio_core import Weights, WeightsFile

class Pen(Weights):
    name, family, licence, memory_mb = "pen", "pens", "MIT", 1
    files = (WeightsFile("pen.bin", size=3),)

@hookimpl
def register_weights(): return [Pen]
"""


def put_weights(folder: Path) -> None:
    (folder / "pen").mkdir(parents=True)
    (folder / "pen" / "pen.bin").write_bytes(b"abc")


@pytest.mark.parametrize("setting", [None, "weights"])
def test_weights_that_come_are_seen(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str | None
) -> None:
    monkeypatch.setenv("AVSTUDIO_HOME", str(tmp_path / "home"))
    folder = tmp_path / (setting or "home") / "weights"
    if setting:
        monkeypatch.setenv("AVSTUDIO_WEIGHTS", str(folder))
    site.module.write_text(SOURCE.replace("return {", 'self.shelf.require("pen"); return {') + MODEL)
    assert catalogue_cache.read(tmp_path / "cache", ["demo"]).processors["demo.work"].outputs == {}
    put_weights(folder)
    assert catalogue_cache.read(tmp_path / "cache", ["demo"]).processors["demo.work"].outputs == {"made": "audio/wav"}


def test_another_folder_of_weights_is_seen(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVSTUDIO_HOME", str(tmp_path / "home"))
    site.module.write_text(SOURCE.replace("return {", 'self.shelf.require("pen"); return {') + MODEL)
    put_weights(tmp_path / "weights")
    assert catalogue_cache.read(tmp_path / "cache", ["demo"]).processors["demo.work"].outputs == {}
    monkeypatch.setenv("AVSTUDIO_WEIGHTS", str(tmp_path / "weights"))
    assert catalogue_cache.read(tmp_path / "cache", ["demo"]).processors["demo.work"].outputs == {"made": "audio/wav"}


def test_an_open_studio_sees_weights_that_come(tmp_path: Path, write_plugin: Callable[[str], ModuleType]) -> None:
    module = write_plugin(SOURCE.replace("return {", 'self.shelf.require("pen"); return {') + MODEL)
    with Studio(home=tmp_path, plugins="", add=[module]) as studio:
        assert studio.catalogue.processors["demo.work"].outputs == {}
        assert studio.catalogue is studio.catalogue
        put_weights(tmp_path / "weights")
        assert studio.catalogue.processors["demo.work"].outputs == {"made": "audio/wav"}


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
    found = catalogue_cache.read(tmp_path / "cache", ["demo", "other"])
    assert list(found.processors) == ["demo.work"]
    assert any(reason in said for said in found.broken.values()), found.broken


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"processors": {"x": {}}, "sources": {}, "broken": {}}'])
def test_a_spoilt_cache_is_made_anew(site: Site, tmp_path: Path, content: bytes) -> None:
    catalogue_cache.read(tmp_path / "cache", ["demo"])
    (cached,) = (tmp_path / "cache").iterdir()
    cached.write_bytes(content)
    assert list(catalogue_cache.read(tmp_path / "cache", ["demo"]).processors) == ["demo.work"]


def test_a_cache_that_cannot_be_written_does_no_harm(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert list(catalogue_cache.read(tmp_path / "file" / "cache", ["demo"]).processors) == ["demo.work"]


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
        "import json, sys; from pathlib import Path; from avstudio_core import catalogue_cache\n"
        f"found = catalogue_cache.read(Path({str(cache)!r}), {only.split(',')!r})\n"
        "print(json.dumps({'processors': list(found.processors), 'modules': list(sys.modules)}))"
    )
    environment = os.environ | {"PYTHONPATH": str(site.folder)}
    said: dict[str, list[str]] = json.loads(subprocess.check_output([sys.executable, "-c", code], env=environment))
    return said
