"""Settings that plugins declare: read with their types, checked, shown; and the memory budget of a family."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from avstudio_core import NotFound, Studio
from avstudio_core.errors import InvalidParams, PluginError, TaskFailed

OpenStudio = Callable[..., Studio]
WritePlugin = Callable[[str], ModuleType]

DECLARED = """
MOOD = Setting("poet_mood", str, "calm", "The mood of a poem.")
LINES = Setting("poet_lines", int, 4, "The number of lines.", 1)

class PoemResult(Result):
    text: str = Field(description="The poem.")

class Poem(Processor[Params, PoemResult]):
    "Write a poem."
    name = "poet.write"
    cacheable = False
    def needs(self, params, source):
        return Needs(family="poet", memory_mb=300)
    def run(self, source, params, context):
        return PoemResult(text=f"{context.settings[MOOD]} {context.settings[LINES] + 1}")

@hookimpl
def register_processors():
    return [Poem]

@hookimpl
def register_settings():
    return [MOOD, LINES, Setting("memory_poet_mb", int, 400, "The memory of poets.", 0)]
"""


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_a_run_reads_a_plugins_settings(
    open_studio: OpenStudio, write_plugin: WritePlugin, monkeypatch: pytest.MonkeyPatch, executor: str
) -> None:
    monkeypatch.setenv("AVSTUDIO_POET_MOOD", "wild")
    studio = open_studio(write_plugin(DECLARED), executor=executor, poet_lines=6)
    assert studio.run("poet.write").text == "wild 7"
    assert studio.settings.origins["poet_mood"] == "environment"


def test_a_plugins_settings_may_be_in_the_file(
    open_studio: OpenStudio, write_plugin: WritePlugin, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "settings.toml").write_text('poet_mood = "sad"\npoet_lines = 2')
    assert open_studio(write_plugin(DECLARED)).run("poet.write").text == "sad 3"


@pytest.mark.parametrize("given", [{"poet_lines": "many"}, {"poet_lines": 0}, {"memory_poet_mb": -1}])
def test_a_value_that_does_not_fit_is_refused(
    open_studio: OpenStudio, write_plugin: WritePlugin, given: dict[str, Any]
) -> None:
    with pytest.raises(InvalidParams, match=rf"The setting '{next(iter(given))}' \(from argument\) cannot be"):
        open_studio(write_plugin(DECLARED), **given)


def test_a_name_that_no_plugin_declares_is_refused(open_studio: OpenStudio, write_plugin: WritePlugin) -> None:
    with pytest.raises(NotFound, match=r"No setting is named 'poet_line'\. Did you mean 'poet_lines'\?"):
        open_studio(write_plugin(DECLARED), poet_line=3)
    with pytest.raises(NotFound, match="No setting is named 'colour'"):
        open_studio(colour="red")


def test_a_misspelt_variable_of_a_plugin_is_refused(
    open_studio: OpenStudio, write_plugin: WritePlugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVSTUDIO_POET_MOODS", "wild")
    with pytest.raises(NotFound, match=r"'AVSTUDIO_POET_MOODS' is not a setting\. Did you mean 'AVSTUDIO_POET_MOOD'"):
        open_studio(write_plugin(DECLARED))


def test_a_family_takes_no_more_than_its_budget(open_studio: OpenStudio, write_plugin: WritePlugin) -> None:
    plugin = write_plugin(DECLARED)
    with open_studio(plugin) as studio:
        assert studio.settings.family_mb("poet") == 400
        assert studio.run("poet.write").text == "calm 5"
    with pytest.raises(TaskFailed, match="A run of the family 'poet' needs 300 MB, but its family may take 200 MB"):
        open_studio(plugin, memory_poet_mb=200).run("poet.write")


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        ("'poet_mood'", "is not a Setting"),
        ("Setting('Poet', str, '', 'x.')", "is not a valid name"),
        ("Setting('workers', int, 2, 'x.')", "has a setting 'workers' already"),
        ("Setting('local_onlys', bool, False, 'x.')", "looks like 'local_only'"),
        ("Setting('poet_rhymes', list, [], 'x.')", "The type of the setting 'poet_rhymes' is '<class 'list'>'"),
        ("Setting('poet_lines', 'int', 4, 'x.')", "The type of the setting 'poet_lines' is 'int'"),
        ("Setting('poet_lines', int, 4, 'x.', 'few')", "its minimum is not a number"),
        ("Setting('poet_mood', str, 'calm', 'x.', 1)", "has a minimum, but is not a number"),
        ("Setting('poet_lines', int, 4, None)", "lacks a help text"),
        ("Setting('memory_poet_mb', str, 'much', 'x.')", "is a memory budget in MB"),
        ("Setting('poet_lines', int, 0, 'x.', 1)", r"\(from its declaration\) cannot be '0'"),
    ],
)
def test_an_invalid_declaration_is_set_aside(
    open_studio: OpenStudio, write_plugin: WritePlugin, declared: str, reason: str
) -> None:
    plugin = write_plugin(f"@hookimpl\ndef register_settings():\n    return [{declared}]")
    studio = open_studio(plugin)
    with pytest.raises(PluginError, match=reason):
        raise PluginError("; ".join(studio.plugins.refused[plugin.__name__].values()))


def test_a_setting_is_declared_by_one_plugin(open_studio: OpenStudio, write_plugin: WritePlugin) -> None:
    first, second = write_plugin(DECLARED), write_plugin(DECLARED.replace("poet.write", "poet.sing"))
    studio = open_studio(first, second)
    assert "both register 'poet_mood'" in studio.plugins.broken[second.__name__]
    assert studio.run("poet.write").text == "calm 5"


def test_the_setting_of_a_plugin_that_is_not_loaded_may_stay_in_the_file(
    open_studio: OpenStudio, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "settings.toml").write_text('poet_mood = "sad"')
    assert list(open_studio().settings.unclaimed) == ["poet_mood"]


def test_an_undeclared_setting_cannot_be_read(open_studio: OpenStudio, write_plugin: WritePlugin) -> None:
    plugin = write_plugin(DECLARED.replace("return [MOOD, LINES, ", "return [LINES, "))
    with pytest.raises(TaskFailed, match="No loaded plugin declares the setting 'poet_mood'"):
        open_studio(plugin).run("poet.write")
