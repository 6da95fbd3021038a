"""`avstudio processors`, `plugins`, `models`, `doctor`: what is installed, missing, broken."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from avstudio_server.testing.command_line import CommandLine

BROKEN = "[avstudio]\nsmudge = smudge\n"


def test_processors_are_listed(reading: CommandLine) -> None:
    assert "text.shout" in reading("processors").out
    assert [one["name"] for one in reading("processors", "--json").json] == [
        "text.bind",
        "text.echo",
        "text.shout",
        "text.twins",
        "time.break",
        "time.wait",
    ]


def test_one_processor_is_all_that_a_generator_asks_for(reading: CommandLine) -> None:
    data = reading("processors", "text.shout", "--json").json
    assert data["accepts"] == ["text/*"]
    assert data["outputs"] == {"shout": "text/plain"}
    assert data["params"]["properties"]["times"]["maximum"] == 5
    assert data["result"]["properties"]["letters"]["unit"] == "letters"
    assert data["needs"]["family"] == "general"


def test_one_processor_is_shown_to_people(reading: CommandLine) -> None:
    shown = reading("processors", "text.shout").out
    assert "Longer words about it stand here." in shown
    assert "takes: text/*" in shown
    assert "at least 1, at most 5" in shown
    assert "needs:\n  depends_on: way\n" in reading("processors", "time.break").out


def test_plugins_tell_what_they_bring(reading: CommandLine) -> None:
    shown = reading("plugins").out
    assert "processors text.echo, text.shout, time.wait, time.break, text.twins, text.bind; weights pencil" in shown
    by_name = {one["name"]: one for one in reading("plugins", "--json").json}
    assert by_name["sketch"]["distribution"] == "sketch"
    assert by_name["core"]["brings"]["executors"] == ["inline", "local"]


BLOTS = """
from pydantic import Field
from avstudio_core import Needs, Params, Processor, Result, hookimpl

class Unable(Processor[Params, Result]):
    "Cannot run."
    name = "ink.unable"

class Untyped(Processor):
    "Says nothing of its parameters."
    name = "ink.untyped"
    def run(self, source, params, context): ...

class DryParams(Params):
    hours: int = Field(ge=0, le=9, description="How long.")

class Dry(Processor[DryParams, Result]):
    "Dry the ink."
    name = "ink.dry"
    def run(self, source, params, context): return Result()

class Odd(Processor[Params, Result]):
    "Cannot tell its needs."
    name = "ink.odd"
    def run(self, source, params, context): return Result()
    def needs(self, params, source): return {}["pen"]

@hookimpl
def register_processors():
    return [Unable, Untyped, Dry, Odd]

@hookimpl
def studio_started(studio): ...

def event_published(event): ...
"""


def test_a_broken_processor_is_reported_and_the_rest_of_its_plugin_works(smudged: CommandLine) -> None:
    (smudged.folder / "more" / "smudge.py").write_text(BLOTS)
    shown = smudged("plugins")
    assert "processors ink.dry, ink.odd; hears studio_started; BROKEN: ink.unable: " in shown.out
    assert "event_published: not marked with @hookimpl, so never called" in shown.out
    [smudge] = [one for one in smudged("plugins", "--json").json if one["name"] == "smudge"]
    assert smudge["brings"] == {"processors": ["ink.dry", "ink.odd"]}
    assert set(smudge["broken"]) == {"ink.unable", "ink.untyped"}
    assert (smudge["hears"], smudge["unmarked"]) == (["studio_started"], ["event_published"])
    doctor = smudged("doctor")
    assert doctor.code == 3
    assert "'ink.unable' of plugin 'smudge': 'ink.unable' lacks run." in doctor.out
    assert smudged("ink", "dry", "--hours", "1").code == 0


TIRED = """
import sys
from avstudio_core import hookimpl
from avstudio_core import Backend

class Tired(Backend):
    "Too tired."
    name = "tired"
    def obstacle(self): sys.exit(3)
    async def models(self): return []
    async def stream(self, request, model): yield

@hookimpl
def register_backends(): return [Tired]

@hookimpl
def studio_started(studio): raise RuntimeError("tired")
"""


def test_what_goes_wrong_in_a_plugin_is_shown(smudged: CommandLine) -> None:
    (smudged.folder / "more" / "smudge.py").write_text(TIRED)
    doctor = smudged("doctor")
    assert doctor.code == 3
    assert "Plugin 'smudge': 'obstacle' of backend 'tired' raised SystemExit: 3" in doctor.out
    shown = smudged("plugins").out
    assert "TROUBLE: 'studio_started' raised RuntimeError: tired" in shown
    (smudged.folder / "more" / "smudge.py").write_text("mended = True")
    assert "TROUBLE" not in smudged("plugins").out


AWAY = """
from avstudio_core import Backend, hookimpl
from avstudio_core.errors import BackendDown

class Away(Backend):
    "Not here."
    name = "away"
    lists_cheaply = True
    async def models(self): raise BackendDown("Nobody answers.", hint="Look at the setting 'trusted_hosts'.")
    async def stream(self, request, model): yield

@hookimpl
def register_backends(): return [Away]
"""


def test_a_backend_that_does_not_answer_is_shown_with_the_way_out(smudged: CommandLine) -> None:
    (smudged.folder / "more" / "smudge.py").write_text(AWAY)
    way_out = "Nobody answers. Look at AVSTUDIO_TRUSTED_HOSTS."
    assert re.search(rf"away +{way_out}", smudged("doctor").out)
    assert f"no: {way_out}" in smudged("llm", "models").out


def test_unknown_needs_are_shown_as_unknown(smudged: CommandLine) -> None:
    (smudged.folder / "more" / "smudge.py").write_text(BLOTS)
    assert "needs:\n  depends_on: hours\n" in smudged("processors", "ink.dry").out
    assert smudged("processors", "ink.dry", "--json").json["needs"] == {"depends_on": ["hours"]}
    needs = {one["name"]: one["needs"] for one in smudged("processors", "--json").json}
    assert needs["ink.odd"] == {"unknown": "KeyError: 'pen'"}


SHAPES = """
from typing import Annotated, Literal
from pydantic import BaseModel, Field
from avstudio_core import Needs, Params, Processor, Result, hookimpl

class Shape(BaseModel):
    filled: bool = Field(True, description="Whether it has ink inside.")

class Circle(Shape):
    "A round one."
    type: Literal["circle"] = "circle"
    radius: float = Field(gt=0, le=9, description="Half of its width.", json_schema_extra={"unit": "mm"})

class Star(Shape):
    "One with rays."
    type: Literal["star"] = "star"
    rays: Literal["few", "many"] = Field("few", description="Its rays.")

class DrawParams(Params):
    shapes: list[Annotated[Circle | Star, Field(discriminator="type")]] = Field(description="What to draw.")
    pen: Literal["thin", "thick"] = Field("thin", description="Its width.")

class Draw(Processor[DrawParams, Result]):
    "Draw shapes."
    name = "ink.draw"
    Params = DrawParams
    Result = Result
    @classmethod
    def declare_needs(cls, params): return Needs()
    def run(self, job, params): return Result()

@hookimpl
def register_processors(): return [Draw]
"""


def test_the_kinds_of_items_of_a_list_are_shown_with_their_fields(smudged: CommandLine) -> None:
    (smudged.folder / "more" / "smudge.py").write_text(SHAPES)
    shown = smudged("processors", "ink.draw").out
    assert "  pen     Its width. [one of thin, thick; default: thin]\n" in shown
    assert "\nshapes, all kinds:\n  filled  Whether it has ink inside. [default: yes]\n" in shown
    assert (
        "\nshapes, circle: A round one.\n  radius  Half of its width. [in mm; above 0, at most 9; required]\n" in shown
    )
    assert "\nshapes, star: One with rays.\n  rays  Its rays. [one of few, many; default: few]\n\n" in shown


TALKATIVE = """
from avstudio_core import hookimpl

@hookimpl
def register_processors(): print("from a hook"); return []

@hookimpl
def studio_started(studio): print("from a hook")
"""


def test_what_a_plugin_prints_is_no_part_of_a_result(smudged: CommandLine, note: Path) -> None:
    (smudged.folder / "more" / "smudge.py").write_text(TALKATIVE)
    shouted = smudged("text", "shout", note, "--json")
    assert shouted.json["processor"] == "text.shout"
    assert "from a hook" in shouted.err


@pytest.fixture
def smudged(avstudio: CommandLine, tmp_path: Path) -> CommandLine:
    """A command with a plugin that raises when it is imported."""
    info = tmp_path / "more" / "smudge-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: smudge\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(BROKEN)
    (tmp_path / "more" / "smudge.py").write_text("raise OSError('out of ink')")
    avstudio.environment["PYTHONPATH"] += f":{tmp_path / 'more'}"
    avstudio.environment["AVSTUDIO_PLUGINS"] = "core,sketch,smudge"
    return avstudio


def test_a_broken_plugin_is_reported_and_the_rest_works(smudged: CommandLine, note: Path) -> None:
    assert "BROKEN: " in smudged("plugins").out
    assert "out of ink" in {one["name"]: one for one in smudged("plugins", "--json").json}["smudge"]["error"]
    assert smudged("text", "shout", note).code == 0
    assert "Broken plugins: smudge" in smudged("ink").err
    assert "Broken plugins: smudge" in smudged("text", "ink").err
    doctor = smudged("doctor")
    assert doctor.code == 3
    assert "out of ink" in doctor.out.splitlines()[-1]


def test_a_signal_while_plugins_are_looked_for_ends_the_command_quietly(smudged: CommandLine) -> None:
    source = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(5)"
    (smudged.folder / "more" / "smudge.py").write_text(source)
    ended = smudged("--help")
    assert (ended.code, ended.out, ended.err) == (130, "", "")
    assert smudged("plugins", "--json").json["error"]["exit"] == 130


def test_a_plugin_that_is_repaired_is_found(smudged: CommandLine, sketch: Path) -> None:
    assert smudged("ink").code == 2
    source = (
        (sketch / "sketch.py")
        .read_text()
        .replace("text.shout", "ink.shout")
        .replace("return [Echo, Shout, Wait, Break, Twins, Bind]", "return [Shout]")
    )
    (smudged.folder / "more" / "smudge.py").write_text(source.replace('"pencil"', '"pen"'))
    assert "shout" in smudged("ink", "--help").out


def test_models_are_listed_with_what_to_do(reading: CommandLine) -> None:
    assert "pip install 'sketch[colour]'" in reading("models", "list").out
    [pencil] = reading("models", "list", "--json").json
    assert (pencil["place"], pencil["at_hand"], pencil["size"]) == ("absent", False, 5_000_000)


def test_weights_that_are_not_here_have_no_path(reading: CommandLine) -> None:
    for command in ("path", "pull"):
        missing = reading("models", command, "pencil")
        assert missing.code == 3
        assert "To get them: pip install 'sketch[colour]'" in missing.err


def test_weights_in_a_given_folder_have_a_path(avstudio: CommandLine) -> None:
    folder = avstudio.folder / "weights" / "pencil"
    folder.mkdir(parents=True)
    (folder / "lead.bin").write_bytes(b"lead")
    avstudio.environment["AVSTUDIO_WEIGHTS"] = str(folder.parent)
    assert avstudio("models", "path", "pencil").out == f"{folder}\n"
    assert avstudio("models", "path", "pencil", "--json").json == {"name": "pencil", "path": str(folder)}
    assert avstudio("models", "pull", "pencil", "--json").json == [{"name": "pencil", "path": str(folder)}]
    assert "installed (path)" in avstudio("models", "list").out


def test_the_doctor_tells_all(avstudio: CommandLine) -> None:
    found = avstudio("doctor", "--json")
    assert found.code == 0
    data = found.json
    settings = {one["name"]: one for one in data["settings"]}
    assert (settings["home"]["origin"], settings["workers"]["origin"]) == ("environment", "default")
    extras = {one["command"]: one["missing"] for one in data["extras"]}
    assert extras["pip install 'sketch[colour]'"] == ["a-library-that-nobody-wrote>=2"]
    assert {one["device"] for one in data["devices"]} >= {"cpu"}
    assert data["data_folder"]["budget_mb"] > 0
    shown = avstudio("doctor").out
    assert "Run: pip install 'sketch[colour]'" in shown
    assert shown.endswith("No problems were found.\n")


def test_doctor_shows_a_setting_that_no_loaded_plugin_declares(avstudio: CommandLine) -> None:
    avstudio("tasks", "list")
    (avstudio.home / "settings.toml").write_text('poet_mood = "sad"\n')
    assert avstudio("tasks", "list").code == 0
    doctor = avstudio("doctor")
    assert doctor.code == 3
    assert "No loaded plugin declares the setting 'poet_mood' in" in doctor.out.splitlines()[-1]


def test_the_check_finds_a_file_that_changed(avstudio: CommandLine, note: Path) -> None:
    stored = Path(avstudio("text", "shout", note, "--json").json["files"]["shout"])
    assert avstudio("doctor", "--check").code == 0
    stored.chmod(0o600)
    stored.write_text("something else")
    found = avstudio("doctor", "--check")
    assert found.code == 4
    assert "has changed" in found.out
    assert avstudio("doctor", "--check", "--json").json["data_folder"]["flaws"]


def test_a_data_folder_that_cannot_be_opened_is_a_flaw(avstudio: CommandLine, note: Path) -> None:
    avstudio.home.mkdir()
    (avstudio.home / "avstudio.db").write_text("this is no database, and it is long enough to show that" * 100)
    assert avstudio("doctor").code == 4
    refused = avstudio("text", "shout", note)
    assert refused.code == 4
    assert "damaged" in refused.err


def test_no_plugins_no_processors(avstudio: CommandLine) -> None:
    avstudio.environment["AVSTUDIO_PLUGINS"] = ""
    assert "pip install 'avstudio-audio'" in avstudio("processors").out
    assert [one["name"] for one in avstudio("plugins", "--json").json] == ["core"]


def test_a_plugin_that_is_uninstalled_is_gone(avstudio: CommandLine, sketch: Path, tmp_path: Path) -> None:
    packages = Path(shutil.copytree(sketch, tmp_path / "packages"))
    avstudio.environment["PYTHONPATH"] = str(packages)
    assert avstudio("text", "--help").code == 0
    shutil.rmtree(packages / "sketch-1.0.dist-info")
    assert avstudio("text", "--help").code == 2
