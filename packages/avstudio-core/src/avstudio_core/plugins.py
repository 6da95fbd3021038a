"""Finding plugins, and keeping the broken ones from harming the rest."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from avstudio_core import hookspecs
from avstudio_core.errors import AVStudioError, NotFound, PluginError
from avstudio_core.hook_marker import GROUP
from avstudio_core.names import checked
from avstudio_core.quotes import quoted

PACKAGES = {"audio": "avstudio-audio", "llm": "avstudio-llm"}
"""Our packages that bring processors, by their medium."""
IMPORT_SECONDS = 10.0
"""How long a plugin may take to import before it is set aside as hanging."""
BUILTIN = "avstudio_core.builtin"
OURS = frozenset(f"avstudio-{name}" for name in ("core", "audio", "video", "llm", "agents", "server"))


@dataclass(frozen=True, slots=True)
class Plugin:
    """An installed plugin, as `avstudio plugins` shows it."""

    name: str
    module: str
    distribution: str
    version: str
    error: str | None = None


class Plugins:
    """The plugins of one studio. Nothing is discovered until `discover`."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(hookspecs)
        self._kinds: dict[str, dict[str, Any]] = {}
        self._origin: dict[type[Any], str] = {}
        self._lock = threading.RLock()
        self.installed: dict[str, Plugin] = {}

    def discover(self, only: Collection[str] | None = None) -> None:
        """Load the installed plugins, or those entry points named by `only`; broken ones are set aside.

        What the core itself brings is always loaded: without it nothing runs.
        """
        entries = sorted(entry_points(group=GROUP), key=_ours_first)
        for missing in set(only or ()) - {entry.name for entry in entries}:
            known = ", ".join(sorted(entry.name for entry in entries))
            message = f"The plugin '{missing}' is not installed, but the setting 'plugins' names it."
            self._set_aside(Plugin(missing, "", "", ""), PluginError(message, hint=f"Installed: {known}."))
        for entry in entries:
            if only is not None and entry.name not in only and entry.value != BUILTIN:
                continue
            distribution = entry.dist
            described = Plugin(
                entry.name,
                entry.value,
                distribution.name if distribution else "",
                distribution.version if distribution else "",
            )
            try:
                self.add(_load(entry), described)
            except AVStudioError as error:
                self._set_aside(described, error)

    def add(self, module: object, described: Plugin) -> None:
        """Register a plugin; one that is registered already stays as it is.

        Raises `PluginError` for unknown hooks, wrong arguments or a name taken twice.
        """
        with self._lock:
            if self._manager.is_registered(module):
                return
            if described.name in self.installed:
                raise PluginError(f"Two plugins are named '{described.name}'.", hint="Uninstall one of them.")
            try:
                self._manager.register(module, described.name)
                self._refuse_unknown_hooks(module, described.name)
            except (pluggy.PluginValidationError, ValueError) as error:
                self._forget(module)
                raise PluginError(f"Plugin '{described.name}' is not valid: {_one_line(error)}") from None
            except PluginError:
                self._forget(module)
                raise
            self.installed[described.name] = described
            self._kinds.clear()

    def add_modules(self, names: Iterable[str]) -> None:
        """Import modules by name and register them as plugins."""
        for name in names:
            self.add(import_module(name), Plugin(name, name, "", ""))

    @property
    def broken(self) -> dict[str, str]:
        """Why each unusable plugin was set aside."""
        return {plugin.name: plugin.error for plugin in self.installed.values() if plugin.error}

    def listens(self, moment: str) -> bool:
        """Whether any plugin implements a moment's hook."""
        return bool(getattr(self._manager.hook, moment).get_hookimpls())

    def tell(self, moment: str, **facts: Any) -> None:
        """Call a moment's hook on every plugin that has it; one that raises is set aside."""
        for implementation in getattr(self._manager.hook, moment).get_hookimpls():
            try:
                implementation.function(*(facts[name] for name in implementation.argnames))
            except Exception as error:
                self._set_aside(self.installed[implementation.plugin_name], error)
                self._forget(implementation.plugin)

    def kind(self, kind: str) -> dict[str, Any]:
        """All classes of a kind by name (`processors`, `weights` …), collected on the first look-up."""
        with self._lock:
            if kind not in self._kinds:
                self._kinds[kind] = self._collect(kind)
            return self._kinds[kind]

    def find(self, kind: str, name: str) -> Any:
        """The class of that kind and name. Raises `NotFound` with the nearest name."""
        known = self.kind(kind)
        if checked(name, "name of a plugin's class") not in known:
            if kind == "processors" and (package := package_for(name, known)):
                raise NotFound(f"No processor is named {quoted(name)}.", hint=f"To get it: pip install '{package}'.")
            title = "model" if kind == "weights" else kind.rstrip("s").replace("_", " ")
            raise NotFound.among(title, name, known, see=f"See the list of {kind.replace('_', ' ')}.")
        return known[name]

    def distribution_of(self, registered: type[Any]) -> Plugin | None:
        """The plugin that brought a class."""
        return self.installed.get(self._origin.get(registered, ""))

    def _collect(self, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for implementation in getattr(self._manager.hook, f"register_{kind}").get_hookimpls():
            plugin = self.installed[implementation.plugin_name]
            try:
                named = self._named(implementation.function(), found, plugin)
            except Exception as error:
                self._set_aside(plugin, error)
                self._forget(implementation.plugin)
                continue
            found |= named
            self._origin |= dict.fromkeys(named.values(), plugin.name)
        return found

    def _named(self, classes: Iterable[Any], found: dict[str, Any], plugin: Plugin) -> dict[str, Any]:
        """What a plugin registers, by name. Raises `PluginError` for a name that is taken."""
        named: dict[str, Any] = {}
        if not isinstance(classes, Sequence):
            raise PluginError(f"Plugin '{plugin.name}' registers '{classes!r:.60}', which is not a list of classes.")
        for registered in classes:
            if not isinstance(registered, type):
                raise PluginError(f"Plugin '{plugin.name}' registers '{registered!r:.60}', which is not a class.")
            name = _name(registered)
            if name in named:
                raise PluginError(f"Plugin '{plugin.name}' registers '{name}' twice.")
            if name in found:
                first = self._origin[found[name]]
                message = f"Plugins '{first}' and '{plugin.name}' both register '{name}'."
                raise PluginError(message, hint="Uninstall one of them.")
            named[name] = registered
        return named

    def _refuse_unknown_hooks(self, module: object, name: str) -> None:
        callers = self._manager.get_hookcallers(module) or []
        unknown = sorted(caller.name for caller in callers if not caller.has_spec())
        if unknown:
            known = [name for name in vars(hookspecs) if name.startswith("register_")]
            hint = f"Hooks that register: {', '.join(known)}."
            raise PluginError(f"Plugin '{name}' implements unknown hooks: {', '.join(unknown)}.", hint=hint)

    def _set_aside(self, described: Plugin, error: Exception) -> None:
        reason = str(error) if isinstance(error, AVStudioError) else _one_line(error)
        values = (described.name, described.module, described.distribution, described.version)
        key = described.name
        if key in self.installed and self.installed[key].module != described.module:
            key = f"{key} ({described.module})"
        self.installed[key] = Plugin(*values, error=reason)

    def _forget(self, module: object) -> None:
        if self._manager.is_registered(module):
            self._manager.unregister(module)


def package_for(processor: str, known: Iterable[str]) -> str | None:
    """The package of ours to install for a processor whose medium none of the `known` ones has."""
    medium = processor.partition(".")[0]
    brought = any(name.startswith(f"{medium}.") for name in known)
    return None if brought else PACKAGES.get(medium)


def _name(registered: Any) -> str:
    name = getattr(registered, "name", None) or getattr(registered, "device", None)
    if not isinstance(name, str):
        raise PluginError(f"'{registered!r}' does not have a name.", hint="Set a class attribute 'name'.")
    return name


def _load(entry: EntryPoint) -> object:
    """Import a plugin on a thread of its own, so that one that hangs is left behind."""
    outcome: list[object] = []
    thread = threading.Thread(target=lambda: outcome.append(_import(entry)), daemon=True)
    with contextlib.redirect_stdout(sys.stderr):  # what a command prints is for programs, too
        thread.start()
        thread.join(IMPORT_SECONDS)
    if not outcome:
        raise PluginError(
            f"Plugin '{entry.name}' ({entry.value}) hangs: it was not imported within {IMPORT_SECONDS:g} s."
        )
    if isinstance(outcome[0], BaseException):
        reason = _one_line(outcome[0])
        raise PluginError(f"Plugin '{entry.name}' ({entry.value}) failed to import: {reason}")
    return outcome[0]


def _ours_first(entry: EntryPoint) -> tuple[bool, str, str]:
    """The order of loading: whoever comes later with a name that is taken is set aside, and that shall not be us."""
    distribution = entry.dist.name if entry.dist else ""
    return distribution not in OURS, distribution, entry.name


def _import(entry: EntryPoint) -> object:
    try:
        return entry.load()
    except BaseException as error:
        return error


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
