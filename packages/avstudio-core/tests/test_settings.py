from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from avstudio_core.errors import InvalidInput, InvalidParams, NotFound
from avstudio_core.settings import SETTINGS, Setting, Settings
from avstudio_core.settings_sources import load


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "settings.toml").write_text('workers = 3\nexecutor = "inline"\noffline = true\n')
    return tmp_path


def test_the_nearest_source_wins(home: Path) -> None:
    environment = {"AVSTUDIO_HOME": str(home), "AVSTUDIO_EXECUTOR": "local", "AVSTUDIO_THREADS": "2"}
    settings = load({"threads": 1, "hub": None}, environment)
    assert (settings.workers, settings.executor, settings.threads) == (3, "local", 1)
    assert settings.origins["workers"] == str(home / "settings.toml")
    assert settings.origins["executor"] == "environment"
    assert settings.origins["threads"] == "argument"
    assert settings.origins["hub"] == settings.origins["lease_seconds"] == "default"


def test_a_settings_file_may_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("workers = 5")
    assert load({"home": tmp_path / "home"}, {"AVSTUDIO_SETTINGS": str(tmp_path / "mine.toml")}).workers == 5


def test_paths_begin_at_the_users_home() -> None:
    assert load({"home": "~/studio"}, {}).home == Path.home() / "studio"


@pytest.mark.parametrize(("text", "value"), [("1", True), ("Yes", True), ("on", True), ("false", False), ("0", False)])
def test_switches_are_words_or_digits(text: str, value: bool) -> None:
    assert load({"home": "/nowhere"}, {"AVSTUDIO_OFFLINE": text}).offline is value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("workers", "many"),
        ("workers", 0),
        ("workers", 2.5),
        ("offline", "perhaps"),
        ("lease_seconds", "nan"),
        ("idle_seconds", "inf"),
        ("memory_mb", -1),
        ("media_streams", 2**63),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_source(name: str, value: object) -> None:
    with pytest.raises(InvalidParams, match=rf"The setting '{name}' \(from argument\) cannot be '{value}'"):
        load({"home": "/nowhere", name: value}, {})


def test_a_name_that_is_not_declared_is_refused(home: Path) -> None:
    (home / "settings.toml").write_text("worker = 3")
    with pytest.raises(NotFound, match=r"No setting is named 'worker'\. Did you mean 'workers'\?"):
        load({"home": home}, {})


def test_a_settings_file_that_is_not_toml_is_refused(home: Path) -> None:
    (home / "settings.toml").write_text("workers: 3")
    with pytest.raises(InvalidParams, match=f"The settings file '{home / 'settings.toml'}' cannot be read"):
        load({"home": home}, {})


@pytest.mark.parametrize(("text", "names"), [(None, None), ("", set()), ("audio, video,", {"audio", "video"})])
def test_plugins_are_named_with_commas(text: str | None, names: set[str] | None) -> None:
    assert load({"home": "/nowhere", "plugins": text}, {}).plugin_names() == names


def test_a_child_process_gets_the_same_settings(home: Path) -> None:
    given = load({"home": home, "threads": 4, "plugins": "", "weights": "/some/where"}, {})
    again = load(None, given.environment())
    assert again.values == given.values


def test_each_setting_is_declared_once_and_explained() -> None:
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)
    assert all(re.fullmatch(r"[A-Z].*\.", setting.help) for setting in SETTINGS)


def test_a_family_may_have_a_budget(home: Path) -> None:
    budget = Setting("memory_poet_mb", int, 8000, "The budget of a plugin's models.")
    settings = load({"home": home, "memory_poet_mb": 123}, {}).with_declared([budget])
    assert settings.family_mb("poet") == 123
    assert settings.family_mb("of somebody else") is None


def test_an_unknown_setting_is_not_an_attribute() -> None:
    with pytest.raises(AttributeError, match="'colour' is not a setting"):
        assert Settings({}, {}).colour


def test_reading_settings_imports_nothing_heavy() -> None:
    code = "import sys, json, avstudio_core.settings_sources as s; s.load({}); print(json.dumps(list(sys.modules)))"
    modules = set(json.loads(subprocess.check_output([sys.executable, "-c", code], text=True)))
    assert {"pydantic", "sqlalchemy", "pluggy", "asyncio"} & modules == set()


@pytest.mark.parametrize("name", ["LOCALONLY", "LOCAL_ONL", "OFLINE", "ALLOW_HOSTS", "SETTING", "Home"])
def test_a_variable_that_is_misspelt_is_refused(name: str) -> None:
    with pytest.raises(NotFound, match=f"'AVSTUDIO_{name}' is not a setting. Did you mean 'AVSTUDIO_"):
        load({}, {f"AVSTUDIO_{name}": "1"})


@pytest.mark.parametrize("variable", ["avstudio_local_only", "Avstudio_Local_Only", "avstudio_localonly"])
def test_a_variable_in_lower_case_is_refused(variable: str) -> None:
    with pytest.raises(NotFound, match=f"'{variable}' is not a setting. Did you mean 'AVSTUDIO_LOCAL_ONLY'"):
        load({}, {variable: "1"})


def test_a_variable_of_another_program_is_left_alone() -> None:
    settings = load(
        {}, {"AVSTUDIO_DEBUG": "1", "avstudio_debug": "1", "AVSTUDIO_ELIZA_MOOD": "good", "HOME": "/"}
    ).with_declared([])
    assert "debug" in settings.unclaimed
    assert "debug" not in settings.values


@pytest.mark.parametrize("name", ["none.toml", "file/none.toml", ".", "x" * 300, "a\0b"])
def test_a_settings_file_that_is_named_must_be_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput):
        load({"home": tmp_path / "home"}, {"AVSTUDIO_SETTINGS": f"{tmp_path}/{name}"})


@pytest.mark.parametrize("value", [["audio"], 5, b"audio", "a\0b", "\ud83d"])
@pytest.mark.parametrize("name", ["plugins", "allowed_hosts", "hub"])
def test_a_text_is_not_made_from_other_values(name: str, value: object) -> None:
    with pytest.raises(InvalidParams, match=rf"The setting '{name}' \(from argument\) cannot be .*Give text"):
        load({"home": "/nowhere", name: value}, {})
