"""The settings: one declared list, read once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from avstudio_core.errors import InvalidInput, InvalidParams, NotFound
from avstudio_core.nearest import nearest
from avstudio_core.paths import home_folder, user_path
from avstudio_core.quotes import quoted


@dataclass(frozen=True, slots=True)
class Setting:
    """One declared setting; its environment variable is `AVSTUDIO_` with the name in capitals."""

    name: str
    type: type[int] | type[float] | type[bool] | type[str] | type[Path]
    default: int | float | bool | str | Path | None
    help: str
    minimum: float | None = None

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper()


SETTINGS = (
    Setting("home", Path, Path("~/.av-studio"), "The data folder: database, artifacts, fetched weights."),
    Setting("plugins", str, None, "Load only these plugins, separated by commas; empty loads none."),
    Setting("offline", bool, False, "Never open a connection; weights must be on this machine."),
    Setting("hub", str, "https://huggingface.co", "Where pinned weights are fetched from."),
    Setting("hub_cache", Path, Path("~/.cache/huggingface/hub"), "The hub's cache; it is searched before fetching."),
    Setting("weights", Path, None, "A folder with one folder for each name of weights; it is searched first."),
    Setting("executor", str, "local", "Where jobs run: 'local' worker processes, or 'inline'."),
    Setting("workers", int, 2, "Worker processes (or inline threads) for work that loads no model.", 1),
    Setting("threads", int, 0, "Threads of one model; 0 uses every core.", 0),
    Setting("idle_seconds", float, 300.0, "An idle worker ends after this many seconds.", 0),
    Setting("cancel_seconds", float, 5.0, "Seconds that a cancelled job may take to stop before it is killed.", 0),
    Setting("lease_seconds", float, 30.0, "Seconds without a heartbeat after which a job goes to another studio.", 0.1),
    Setting("limit_seconds", float, 86400.0, "Time limit of a run in seconds; 0 sets no limit.", 0),
    Setting("silent_seconds", float, 60.0, "A worker that does not respond for this many seconds is replaced.", 0.5),
    Setting("media_seconds", float, 21600.0, "Longer sound is refused; 0 sets no limit.", 0),
    Setting("media_mb", int, 2000, "Memory that the sound of one file may take, in MB; 0 sets no limit.", 0),
    Setting("media_streams", int, 100, "A file with more streams is refused; 0 sets no limit.", 0),
    Setting("max_deliveries", int, 3, "How often a task is started again if its worker dies.", 1),
    Setting("keep_days", float, 0.0, "Work that ended so many days ago is removed with its files; 0 keeps it.", 0),
    Setting("local_only", bool, False, "No data leaves this machine: no cloud model, no hub, no telemetry."),
    Setting("allowed_hosts", str, None, "The only hosts that may be contacted, separated by commas; unset allows all."),
    Setting("trusted_hosts", str, None, "Addresses in your own network that count as this machine."),
    Setting("models", Path, None, "Your models, prices and backends; by default models.toml in the data folder."),
    Setting("router", str, "default", "Router that chooses the model for a request that names none."),
    Setting("memory_mb", int, 0, "Memory budget of all models together in MB; 0 uses the machine's memory.", 0),
    Setting("memory_system_mb", int, 10000, "Memory for everything else in MB, if memory_mb is 0.", 0),
    Setting("memory_demucs_mb", int, 8000, "Memory budget of stem separation by Demucs, in MB.", 0),
    Setting("memory_whisper_mb", int, 4000, "Memory budget of speech to text, in MB.", 0),
    Setting("memory_mlx_llm_mb", int, 12000, "Memory budget of language models on MLX, in MB.", 0),
    Setting("memory_opencv_mb", int, 2000, "Memory budget of video analysis, in MB.", 0),
)

PREFIX = "AVSTUDIO_"
_EXPECTED = {int: "a whole number", float: "a number", bool: "true or false", str: "text", Path: "a path in UTF-8"}
_BOOLEANS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True, slots=True)
class Settings:
    """The values in effect, and the origin of each."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(f"'{name}' is not a setting") from None

    def family_mb(self, family: str) -> int | None:
        """The memory budget of a model family in MB, or `None` if only the total budget limits it."""
        value = self.values.get(f"memory_{family}_mb")
        return int(value) if value is not None else None

    def plugin_names(self) -> frozenset[str] | None:
        """The plugins to load, or `None` for all."""
        if self.plugins is None:
            return None
        return frozenset(name.strip() for name in self.plugins.split(",") if name.strip())

    def environment(self) -> dict[str, str]:
        """The environment variables that give a child process the same settings."""
        declared = {setting.name: setting for setting in SETTINGS}
        return {
            declared[name].variable: str(value)
            for name, value in self.values.items()
            if value is not None and self.origins[name] != "default"
        }


def load(given: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings: defaults < file < environment < `given`.

    The file is `settings.toml` in the data folder, or the one that `AVSTUDIO_SETTINGS` names. Raises
    `InvalidParams` for an invalid value or a missing file, and `NotFound` for an undeclared name. A variable without
    a setting may belong to a plugin, unless its name looks misspelt.
    """
    environment = os.environ if environment is None else environment
    declared = {setting.name: setting for setting in SETTINGS}
    _refuse_misspelt(environment)
    arguments = {name: value for name, value in (given or {}).items() if value is not None}
    named = {one.name: environment[one.variable] for one in SETTINGS if _is_set(one, environment)}
    home = _home(declared["home"], named, arguments)
    path, content = _file(home, environment.get(PREFIX + "SETTINGS"))
    sources = ((str(path), content), ("environment", named), ("argument", arguments))

    values: dict[str, Any] = {name: _default(setting, home) for name, setting in declared.items()}
    origins = dict.fromkeys(values, "default")
    for origin, found in sources:
        for name, value in found.items():
            if name not in declared:
                raise NotFound.among("setting", name, declared, see="See the list of settings.")
            values[name] = _convert(declared[name], value, origin)
            origins[name] = origin
    return Settings(values, origins)


def _refuse_misspelt(environment: Mapping[str, str]) -> None:
    """Refuse a variable whose name looks like a misspelt setting. Raises `NotFound`."""
    variables = {setting.variable for setting in SETTINGS} | {PREFIX + "SETTINGS"}
    unknown = [name for name in environment if name.startswith(PREFIX) and name not in variables]
    if not unknown:
        return
    letters = {_letters(name): name for name in variables}
    for name in unknown:
        if near := nearest(_letters(name), letters, cutoff=0.8):
            hint = f"Did you mean '{letters[near]}'?"
            raise NotFound(f"The environment variable {quoted(name)} is not a setting.", hint=hint)


def _letters(variable: str) -> str:
    return variable.removeprefix(PREFIX).replace("_", "").lower()


def _home(setting: Setting, named: Mapping[str, Any], arguments: Mapping[str, Any]) -> Path:
    """The data folder, which must be known before its settings can be read."""
    for origin, found in (("argument", arguments), ("environment", named)):
        if setting.name in found:
            return Path(_convert(setting, found[setting.name], origin))
    return home_folder() / ".av-studio"


def _default(setting: Setting, home: Path) -> Any:
    """A setting's default; for a user without a home folder, paths in it are in the data folder."""
    if not isinstance(setting.default, Path):
        return setting.default
    try:
        return user_path(setting.default)
    except InvalidInput:
        return home / setting.default.relative_to("~")


def _is_set(setting: Setting, environment: Mapping[str, str]) -> bool:
    """Whether a variable sets a value; an empty one does not set a file, a folder or a number."""
    return setting.variable in environment and (environment[setting.variable] != "" or setting.type is str)


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


def _convert(setting: Setting, value: Any, origin: str) -> Any:
    try:
        converted: Any = _converted(setting.type, value)
        if (isinstance(value, float) and converted != value) or (
            isinstance(converted, float) and not isfinite(converted)
        ):
            raise ValueError
    except (KeyError, ValueError, TypeError, OverflowError, OSError, InvalidInput):
        expected = _EXPECTED[setting.type]
        raise InvalidParams(
            f"The setting '{setting.name}' (from {origin}) cannot be {quoted(value)}.",
            hint=f"Give {expected}. {setting.help}",
        ) from None
    if setting.minimum is not None and converted < setting.minimum:
        raise InvalidParams(
            f"The setting '{setting.name}' (from {origin}) cannot be {quoted(value)}.",
            hint=f"Give at least {setting.minimum:g}.",
        )
    return converted


def _converted(kind: type, value: Any) -> Any:
    if kind is Path:
        path = user_path(value).absolute()
        str(path).encode()  # raises for a name that is not UTF-8, which workers and the database could not store
        return path
    return _BOOLEANS[str(value).lower()] if kind is bool else kind(value)
