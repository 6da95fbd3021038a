"""The settings: declared by the core and by plugins, read once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, Generic, TypeVar

from avstudio_core.errors import InvalidInput, InvalidParams, NotFound, PluginError
from avstudio_core.names import valid_text
from avstudio_core.nearest import nearest
from avstudio_core.paths import user_path
from avstudio_core.quotes import quoted

T = TypeVar("T", bound=int | float | bool | str | Path | None)


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """One declared setting; its environment variable is `AVSTUDIO_` with the name in capitals.

    `minimum` is the smallest number allowed. A plugin declares the memory budget of its family of models in MB as
    `memory_<family>_mb`.
    """

    name: str
    type: type[int] | type[float] | type[bool] | type[str] | type[Path]
    default: T
    help: str
    minimum: float | None = None

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper()

    def checked(self, value: Any, origin: str) -> Any:
        """A value in the type of this setting. Raises `InvalidParams`, which tells the value's origin."""
        if value is None and self.default is None:
            return None
        try:
            converted: Any = _converted(self.type, value)
        except InvalidInput as error:
            raise self._refusal(value, origin, str(error)) from None
        except (KeyError, ValueError, TypeError, OverflowError, OSError):
            raise self._refusal(value, origin, f"Give {_EXPECTED[self.type]}. {self.help}") from None
        if limit := self._limit(converted):
            raise self._refusal(value, origin, limit)
        return converted

    def _limit(self, converted: Any) -> str:
        """The hint for a number that is too small or too large; empty for any other value."""
        if self.minimum is not None and converted < self.minimum:
            return f"Give at least {self.minimum:g}."
        return f"Give at most {MOST}." if self.type is int and converted > MOST else ""

    def _refusal(self, value: Any, origin: str, hint: str) -> InvalidParams:
        return InvalidParams(f"The setting '{self.name}' (from {origin}) cannot be {quoted(value)}.", hint=hint)


SETTINGS: tuple[Setting[Any], ...] = (
    Setting("home", Path, Path("~/.av-studio"), "The data folder: database, artifacts, fetched weights."),
    Setting("plugins", str, None, "Load only these plugins, separated by commas; empty loads none."),
    Setting("offline", bool, False, "Never open a connection; weights must be on this machine."),
    Setting("hub", str, "https://huggingface.co", "Where pinned weights are fetched from."),
    Setting("hub_cache", Path, Path("~/.cache/huggingface/hub"), "The hub's cache; it is searched before fetching."),
    Setting("weights", Path, None, "A folder with one folder for each name of weights; it is searched first."),
    Setting("executor", str, "local", "Where jobs run: 'local' worker processes, or 'inline'."),
    Setting("worker_variables", str, None, "More environment variables that workers get, separated by commas."),
    Setting("confine_workers", bool, True, "Workers have no network and only their own files, where Linux allows it."),
    Setting("worker_folders", str, None, "More folders that workers may read and write, separated by commas."),
    Setting("worker_mb", int, 0, "Memory of one worker in MB; 0 allows three quarters of this machine's memory.", 0),
    Setting("worker_processes", int, 256, "Processes that one worker may start.", 1),
    Setting("worker_files", int, 4096, "Files that each process of a worker may have open.", 64),
    Setting("worker_disk_mb", int, 50000, "Files that one worker may write, in MB.", 1),
    Setting("workers", int, 2, "Worker processes (or inline threads) for work that loads no model.", 1),
    Setting("threads", int, 0, "Threads of one model, one chain of effects or one decoder; 0 uses every core.", 0),
    Setting("idle_seconds", float, 300.0, "An idle worker ends after this many seconds.", 0),
    Setting("cancel_seconds", float, 5.0, "Seconds that a cancelled job may take to stop before it is killed.", 0),
    Setting("lease_seconds", float, 30.0, "Seconds without a heartbeat after which a job goes to another studio.", 0.1),
    Setting("limit_seconds", float, 86400.0, "Time limit of a run in seconds; 0 sets no limit.", 0),
    Setting("silent_seconds", float, 60.0, "A worker that does not respond for this many seconds is replaced.", 0.5),
    Setting("media_seconds", float, 21600.0, "Longer sound or video is refused; 0 sets no limit.", 0),
    Setting("media_mb", int, 2000, "Memory that the sound of one file may take, in MB; 0 sets no limit.", 0),
    Setting("media_streams", int, 100, "A file with more streams is refused; 0 sets no limit.", 0),
    Setting("upload_mb", int, 8192, "The largest file that can be uploaded, in MB.", 1),
    Setting("uploads", int, 20, "How many unfinished uploads an owner may have.", 1),
    Setting("uploads_mb", int, 32768, "The size of an owner's unfinished uploads together, in MB.", 1),
    Setting("upload_hours", float, 48.0, "An unfinished upload is removed after so many hours without data.", 0.01),
    Setting("roots", str, None, "Folders whose files may be named over the network, separated by ':'; unset, none."),
    Setting("fetch_hosts", str, None, "Hosts from which files may be fetched; '*' is every public one; unset, none."),
    Setting("fetch_seconds", float, 300.0, "How long it may take to fetch a file, in seconds.", 1),
    Setting("webhook_hosts", str, "*", "Hosts that webhooks may call; '*' is every public one."),
    Setting("webhook_attempts", int, 10, "How often an event is sent to a webhook that does not take it.", 1),
    Setting("webhook_pause", float, 5.0, "The first pause before it is sent again, in seconds; later ones grow.", 0.01),
    Setting("webhook_seconds", float, 10.0, "How long a webhook may take to answer, in seconds.", 0.1),
    Setting("max_deliveries", int, 3, "How often a task is started again if its worker dies.", 1),
    Setting("keep_days", float, 0.0, "Work that ended so many days ago is removed with its files; 0 keeps it.", 0),
    Setting("keep_mb", int, 0, "Above this size of all files in MB, the oldest work is removed; 0 sets no limit.", 0),
    Setting("local_only", bool, False, "No data leaves this machine: no cloud model, no hub, no telemetry."),
    Setting("allowed_hosts", str, None, "The only hosts that may be contacted, separated by commas; unset allows all."),
    Setting("trusted_hosts", str, None, "Addresses in your own network that count as this machine."),
    Setting("models", Path, None, "Your models, prices and backends; by default models.toml in the data folder."),
    Setting("router", str, "default", "Router that chooses the model for a request that names none."),
    Setting("cache_answers", bool, False, "Identical requests to language models get the stored answer."),
    Setting("cache_seconds", float, 86400.0, "How long an answer is stored, in seconds.", 1),
    Setting("secret_store", str, "", "Where secrets are set: 'keychain', 'file', or a plugin's; by default the first."),
    Setting("memory_mb", int, 0, "Memory budget of all models together in MB; 0 uses the machine's memory.", 0),
    Setting("memory_system_mb", int, 10000, "Memory for everything else in MB, if memory_mb is 0.", 0),
)

PREFIX = "AVSTUDIO_"
MOST = 2**63 - 1
"""The largest whole number that the database and libraries in C can take."""
FILE = "settings"
"""Not a setting: its variable names the file with the settings."""
ENVIRONMENT, ARGUMENT = "environment", "argument"
BUDGET = re.compile(r"memory_[a-z0-9_]+_mb")
_EXPECTED = {int: "a whole number", float: "a number", bool: "true or false", str: "text", Path: "a path in UTF-8"}
TYPES = tuple(_EXPECTED)
"""The types that a setting may have."""
_BOOLEANS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True, slots=True)
class Settings:
    """The values in effect, and the origin of each."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]
    declared: tuple[Setting[Any], ...] = SETTINGS
    unclaimed: Mapping[str, tuple[Any, str]] = field(default_factory=dict)
    """Values whose names are not declared, each with its origin: they may belong to plugins."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(f"'{name}' is not a setting") from None

    def __getitem__(self, setting: Setting[T]) -> T:
        """The value of a declared setting, with its type. Raises `PluginError` if its plugin does not declare it."""
        if setting.name not in self.values:
            hint = "Return it from 'register_settings'."
            raise PluginError(f"No loaded plugin declares the setting '{setting.name}'.", hint=hint)
        value: T = self.values[setting.name]
        return value

    def with_declared(self, more: Iterable[Setting[Any]]) -> Settings:
        """These settings with those that plugins declare.

        Raises `InvalidParams` for an invalid value, and `NotFound` for an argument that nobody declares. A name in the
        settings file or the environment may belong to a plugin that is not loaded, unless it looks misspelt.
        """
        declared = {setting.name: setting for setting in (*self.declared, *more)}
        unclaimed = {name: self.unclaimed[name] for name in self.unclaimed.keys() - declared.keys()}
        for name, (_, origin) in unclaimed.items():
            refuse_undeclared(name, origin, declared)
        values, origins = dict(self.values), dict(self.origins)
        for name in declared.keys() - values.keys():
            values[name], origins[name] = self._claimed(declared[name])
        return Settings(values, origins, tuple(declared.values()), unclaimed)

    def _claimed(self, setting: Setting[Any]) -> tuple[Any, str]:
        """The value of a setting that has just been declared, and its origin."""
        if setting.name in self.unclaimed and is_set(setting, *self.unclaimed[setting.name]):
            value, origin = self.unclaimed[setting.name]
            return setting.checked(value, origin), origin
        return default_value(setting, self.home), "default"

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
        return {
            setting.variable: str(value)
            for setting in self.declared
            if (value := self.values[setting.name]) is not None and self.origins[setting.name] != "default"
        }


def misspelling(name: str) -> str | None:
    """The setting of the core that a name looks like; `None` for that name itself, and for a family's budget."""
    if BUDGET.fullmatch(name.lower()):
        return None
    near = _alike(name, [setting.name for setting in SETTINGS])
    return near if near != name else None


def default_value(setting: Setting[Any], home: Path) -> Any:
    """A setting's default; for a user without a home folder, paths in it are in the data folder."""
    if not isinstance(setting.default, Path):
        return setting.default
    try:
        return user_path(setting.default)
    except InvalidInput:
        return home / setting.default.relative_to("~")


def is_set(setting: Setting[Any], value: Any, origin: str) -> bool:
    """Whether a value counts: an empty variable does not set a file, a folder or a number."""
    return origin != ENVIRONMENT or value != "" or setting.type is str


def refuse_undeclared(name: str, origin: str, declared: Iterable[str], variable: str = "") -> None:
    """Raise `NotFound` for an argument that nobody declares, and for another name that looks misspelt."""
    near = _alike(name, declared)
    if origin == ARGUMENT or (near and origin != ENVIRONMENT):
        raise NotFound.among("setting", name, declared, see="See the list of settings.")
    if near:
        variable = variable or PREFIX + (name.upper() if name.islower() else name)
        hint = f"Did you mean '{PREFIX}{near.upper()}'?"
        raise NotFound(f"The environment variable {quoted(variable)} is not a setting.", hint=hint)


def _alike(name: str, known: Iterable[str]) -> str | None:
    """The known name that a name looks like, or `FILE`, whose variable names the settings file."""
    letters = {_letters(one): one for one in (*known, FILE)}
    near = nearest(_letters(name), letters, cutoff=0.8)
    return letters[near] if near else None


def _letters(name: str) -> str:
    return name.replace("_", "").lower()


def _converted(kind: type, value: Any) -> Any:
    if kind is Path:
        path = user_path(value).absolute()
        str(path).encode()  # raises for a name that is not UTF-8, which workers and the database could not store
        return path
    if kind is str:
        return valid_text(value)
    converted: Any = _BOOLEANS[str(value).lower()] if kind is bool else kind(value)
    if isinstance(value, float) and converted != value:
        raise ValueError
    if isinstance(converted, float) and not isfinite(converted):
        raise ValueError
    return converted
