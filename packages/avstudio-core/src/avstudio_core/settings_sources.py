"""Reads the settings from their sources: file, environment, arguments."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from avstudio_core.errors import InvalidParams
from avstudio_core.paths import home_folder, user_path
from avstudio_core.quotes import quoted
from avstudio_core.settings import (
    ARGUMENT,
    ENVIRONMENT,
    FILE,
    PREFIX,
    SETTINGS,
    Setting,
    Settings,
    default_value,
    is_set,
    misspelling,
    refuse_undeclared,
)


def load(given: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings: defaults < file < environment < `given`.

    The file is `settings.toml` in the data folder, or the one that `AVSTUDIO_SETTINGS` names. Raises
    `InvalidParams` for an invalid value or a missing file, and `NotFound` for a name that looks misspelt. Other names
    may belong to plugins: see `Settings.with_declared`.
    """
    environment = os.environ if environment is None else environment
    declared = {setting.name: setting for setting in SETTINGS}
    arguments = {name: value for name, value in (given or {}).items() if value is not None}
    named = dict(_variables(environment))
    home = _home(declared["home"], named, arguments)
    path, content = _file(home, environment.get(PREFIX + FILE.upper()))
    found = _merged(((str(path), content), (ENVIRONMENT, named), (ARGUMENT, arguments)), declared)
    values: dict[str, Any] = {name: default_value(setting, home) for name, setting in declared.items()}
    values |= {name: declared[name].checked(*found[name]) for name in found.keys() & declared.keys()}
    origins = {name: found[name][1] if name in found else "default" for name in declared}
    return Settings(values, origins, unclaimed={name: found[name] for name in found.keys() - declared.keys()})


def _merged(
    sources: Iterable[tuple[str, Mapping[str, Any]]], declared: Mapping[str, Setting[Any]]
) -> dict[str, tuple[Any, str]]:
    """The values with their origins; later sources take precedence. Raises `NotFound` for a misspelt name."""
    found: dict[str, tuple[Any, str]] = {}
    for origin, values in sources:
        for name, value in values.items():
            if name not in declared and misspelling(name):
                refuse_undeclared(name, origin, declared)
            if name not in declared or is_set(declared[name], value, origin):
                found[name] = value, origin
    return found


def _variables(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The values in the environment, by the name of the setting. Raises `NotFound` for a name in lower case."""
    for variable, value in environment.items():
        if variable.startswith(PREFIX) and variable != PREFIX + FILE.upper():
            name = variable.removeprefix(PREFIX)
            yield name.lower() if name.isupper() else name, value
        elif variable != PREFIX + FILE.upper() and variable.upper().startswith(PREFIX):
            name = variable[len(PREFIX) :].lower()
            refuse_undeclared(name, ENVIRONMENT, [setting.name for setting in SETTINGS], variable)


def _home(setting: Setting[Any], named: Mapping[str, Any], arguments: Mapping[str, Any]) -> Path:
    """The data folder, which must be known before its settings can be read."""
    for origin, found in ((ARGUMENT, arguments), (ENVIRONMENT, named)):
        if setting.name in found and is_set(setting, found[setting.name], origin):
            return Path(setting.checked(found[setting.name], origin))
    return home_folder() / ".av-studio"


def _file(home: Path, named: str | None) -> tuple[Path, Mapping[str, Any]]:
    """The settings file and its values; none if the data folder has no such file."""
    path = user_path(named, "settings file") if named else home / "settings.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError) as error:
        if not named:
            return path, {}
        raise InvalidParams(f"The settings file {quoted(path)} does not exist.") from error
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InvalidParams(f"The settings file {quoted(path)} cannot be read: {reason}.") from error
    if not text:
        return path, {}
    import tomllib

    try:
        return path, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidParams(f"The settings file {quoted(path)} cannot be read: {error}") from None
