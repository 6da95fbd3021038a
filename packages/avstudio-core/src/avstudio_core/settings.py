"""The settings: one declared list, read once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from avstudio_core.errors import InvalidParams, NotFound


@dataclass(frozen=True, slots=True)
class Setting:
    """One declared setting: its environment variable is `AVSTUDIO_` and the name in capitals."""

    name: str
    type: type[int] | type[float] | type[bool] | type[str] | type[Path]
    default: int | float | bool | str | Path | None
    help: str
    minimum: float | None = None

    @property
    def variable(self) -> str:
        return f"AVSTUDIO_{self.name.upper()}"


SETTINGS = (
    Setting("home", Path, Path("~/.av-studio"), "The data folder: database, artifacts, fetched weights."),
    Setting("plugins", str, None, "Load just these plugins, separated by commas; empty loads none."),
    Setting("offline", bool, False, "Never open a connection; weights must be at hand."),
    Setting("hub", str, "https://huggingface.co", "Where pinned weights are fetched from."),
    Setting("hub_cache", Path, Path("~/.cache/huggingface/hub"), "The hub's cache, searched before fetching."),
    Setting("weights", Path, None, "A folder with a folder for each weights name, searched first."),
    Setting("executor", str, "local", "Where jobs run: 'local' worker processes, or 'inline'."),
    Setting("workers", int, 2, "Worker processes (or inline threads) for work that loads no model.", 1),
    Setting("threads", int, 0, "Threads of one model; 0 takes every core.", 0),
    Setting("idle_seconds", float, 300.0, "A worker with nothing to do leaves after this many seconds.", 0),
    Setting("cancel_seconds", float, 5.0, "How long a cancelled job may take to stop before it is killed.", 0),
    Setting("lease_seconds", float, 30.0, "A job whose studio is silent for so long goes to another.", 0.1),
    Setting("max_deliveries", int, 3, "How often a task is handed out again when its worker dies.", 1),
    Setting("local_only", bool, False, "Nothing leaves this machine: no cloud model, no hub, no telemetry."),
    Setting("allowed_hosts", str, None, "Hosts that may be reached, separated by commas; unset allows all."),
    Setting("models", Path, None, "Your own models, prices and backends; else models.toml in the data folder."),
    Setting("router", str, "default", "Who chooses the model for a request that names none."),
    Setting("memory_mb", int, 0, "Budget of all models together in MB; 0 takes what the machine has.", 0),
    Setting("memory_system_mb", int, 10000, "Left to everything else when the budget is the machine's.", 0),
    Setting("memory_demucs_mb", int, 8000, "Budget of stem separation by Demucs, in MB.", 0),
    Setting("memory_whisper_mb", int, 4000, "Budget of speech to text, in MB.", 0),
    Setting("memory_mlx_llm_mb", int, 12000, "Budget of language models on MLX, in MB.", 0),
    Setting("memory_opencv_mb", int, 2000, "Budget of video analysis, in MB.", 0),
)

_EXPECTED = {int: "a whole number", float: "a number", bool: "true or false", str: "text", Path: "a path"}
_BOOLEANS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True, slots=True)
class Settings:
    """The values in force, and where each came from."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(f"no setting is named '{name}'") from None

    def family_mb(self, family: str) -> int | None:
        """The memory budget of a model family in MB, or `None` where only the whole budget limits it."""
        value = self.values.get(f"memory_{family}_mb")
        return int(value) if value is not None else None

    def plugin_names(self) -> frozenset[str] | None:
        """The plugins to load, or `None` for all."""
        if self.plugins is None:
            return None
        return frozenset(name.strip() for name in self.plugins.split(",") if name.strip())

    def environment(self) -> dict[str, str]:
        """The variables that give a child process the same settings."""
        declared = {setting.name: setting for setting in SETTINGS}
        return {
            declared[name].variable: str(value)
            for name, value in self.values.items()
            if value is not None and self.origins[name] != "default"
        }


def load(given: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings: defaults < file < environment < `given`.

    The file is `settings.toml` in the data folder, or the one that `AVSTUDIO_SETTINGS` names. Raises
    `InvalidParams` for a value that does not fit its declaration, `NotFound` for an undeclared name.
    """
    environment = os.environ if environment is None else environment
    arguments = {name: value for name, value in (given or {}).items() if value is not None}
    named = {one.name: environment[one.variable] for one in SETTINGS if _is_set(one, environment)}
    home = Path(str(arguments.get("home", named.get("home", "~/.av-studio")))).expanduser()
    path = Path(environment.get("AVSTUDIO_SETTINGS", home / "settings.toml")).expanduser()
    sources = ((str(path), _read(path)), ("environment", named), ("argument", arguments))

    declared = {setting.name: setting for setting in SETTINGS}
    values: dict[str, Any] = {name: setting.default for name, setting in declared.items()}
    origins = dict.fromkeys(values, "default")
    for origin, found in sources:
        for name, value in found.items():
            if name not in declared:
                raise NotFound.among("setting", name, declared, see="See them all: avstudio doctor")
            values[name] = _convert(declared[name], value, origin)
            origins[name] = origin
    return Settings({name: _expanded(value) for name, value in values.items()}, origins)


def _is_set(setting: Setting, environment: Mapping[str, str]) -> bool:
    """Whether a variable says something; an empty one names no file, no folder and no number."""
    return setting.variable in environment and (environment[setting.variable] != "" or setting.type is str)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        if not path.is_file():
            return {}
        import tomllib

        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidParams(f"The settings file '{path}' cannot be read: {error}") from None


def _convert(setting: Setting, value: Any, origin: str) -> Any:
    try:
        converted: Any = _BOOLEANS[str(value).lower()] if setting.type is bool else setting.type(value)
        if setting.type is Path and not str(value):
            raise ValueError
        if (isinstance(value, float) and converted != value) or (
            isinstance(converted, float) and not isfinite(converted)
        ):
            raise ValueError
    except (KeyError, ValueError, TypeError, OverflowError):
        expected = _EXPECTED[setting.type]
        raise InvalidParams(
            f"Setting '{setting.name}' from {origin} is '{value}': give {expected}. {setting.help}"
        ) from None
    if setting.minimum is not None and converted < setting.minimum:
        raise InvalidParams(
            f"Setting '{setting.name}' from {origin} is '{value}': it must be at least {setting.minimum:g}."
        )
    return converted


def _expanded(value: Any) -> Any:
    return value.expanduser() if isinstance(value, Path) else value
