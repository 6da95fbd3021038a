"""Finds plugins, and isolates broken ones."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, version
from pathlib import Path
from textwrap import shorten
from types import ModuleType
from typing import Any, TypeVar

import pluggy

from avstudio_core import hookspecs
from avstudio_core.declarations import declared_name, tool_name
from avstudio_core.entry_points import PluginEntry, plugin_entries
from avstudio_core.errors import AVStudioError, InvalidInput, NotFound, PluginError
from avstudio_core.guard import OURS as OUR_GUARD, UNLIMITED, Guard, Hanging, finished, in_time, one_line, shown
from avstudio_core.hook_marker import GROUP
from avstudio_core.moments import Moments
from avstudio_core.names import checked
from avstudio_core.quotes import listed, quoted
from avstudio_core.troubles import Trouble, Troubles

PACKAGES = {"audio": "avstudio-audio", "llm": "avstudio-llm", "video": "avstudio-video"}
"""Our packages with processors, by medium."""
IMPORT_SECONDS = 10.0
"""How long a plugin may take to import, or to register its classes, before it counts as hanging, in seconds."""
STARTED_SECONDS = 1.0
"""How long an opening studio waits for a plugin's `studio_started`, which may then still run, in seconds."""
MOST_BROKEN, LONGEST_REASON = 3, 300
"""An error names at most so many broken plugins, with at most so many characters of each reason."""
CORE = "avstudio-core"
BUILTIN = "avstudio_core.builtin"
OURS = frozenset(f"avstudio-{name}" for name in ("core", "audio", "llm", "server", "video"))

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plugin:
    """An installed plugin."""

    name: str
    module: str
    distribution: str
    version: str
    error: str | None = None


class Plugins:
    """The plugins of one studio. `discover` loads them; their errors are stored in `home`."""

    def __init__(self, home: Path | None = None) -> None:
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(hookspecs)
        self._kinds: dict[str, dict[str, Any]] = {}
        self._origin: dict[type[Any], str] = {}
        self._guards: dict[str, Guard] = {}
        self._moments = Moments()
        self._troubles = Troubles(home)
        self._lock = threading.RLock()
        self.installed: dict[str, Plugin] = {}
        self.refused: dict[str, dict[str, str]] = {}
        """The unusable classes by plugin, each with the reason."""

    def discover(self, only: Collection[str] | None = None) -> None:
        """Load the installed plugins, or only those entry points in `only`; broken ones are set aside.

        The core's own plugin is always loaded.
        """
        entries = sorted(plugin_entries(), key=_ours_first)
        for missing in set(only or ()) - {entry.name for entry in entries}:
            known = ", ".join(sorted(entry.name for entry in entries))
            message = f"The plugin '{missing}' is not installed, but the setting 'plugins' names it."
            self._set_aside(Plugin(missing, "", "", ""), PluginError(message, hint=f"Installed: {known}."))
        for entry in entries:
            if only is not None and entry.name not in only and entry.value != BUILTIN:
                continue
            described = Plugin(entry.name, entry.value, entry.distribution, entry.version)
            try:
                _refuse_other_version(entry)
                self.add(_load(entry.point), described)
            except AVStudioError as error:
                self._set_aside(described, error)

    def add(self, module: object, described: Plugin) -> None:
        """Register a plugin; this does nothing if it is already registered.

        Raises `PluginError` for unknown hooks, wrong arguments or a duplicate name.
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
                raise PluginError(f"Plugin '{described.name}' is not valid: {one_line(error)}") from None
            except PluginError:
                self._forget(module)
                raise
            self.installed[described.name] = described
            self._kinds.clear()
            self._listen(module, described.name)

    def add_modules(self, modules: Sequence[ModuleType]) -> None:
        """Register modules as plugins of their own names. Raises `InvalidInput` for anything else."""
        if not isinstance(modules, list | tuple):
            hint = "Add a list of modules that have hooks."
            raise InvalidInput(f"{quoted(modules)} is not a list of modules.", hint=hint)
        if strange := [one for one in modules if not isinstance(one, ModuleType)]:
            hint = "Add modules that have hooks; a class is registered by a hook of its module."
            raise InvalidInput(f"{quoted(strange[0])} is not a module.", hint=hint)
        for module in modules:
            self.add(module, Plugin(module.__name__, module.__name__, "", ""))

    @property
    def broken(self) -> dict[str, str]:
        """Why each unusable plugin was set aside."""
        return {plugin.name: plugin.error for plugin in self.installed.values() if plugin.error}

    def listens(self, moment: str) -> bool:
        """Whether any plugin implements an event hook."""
        return bool(getattr(self._manager.hook, moment).get_hookimpls())

    def tell(self, moment: str, **facts: Any) -> None:
        """Call an event hook of all plugins that implement it: in order, on separate threads, without waiting."""
        self._moments.tell(moment, facts)

    def started(self, studio: object) -> None:
        """Call the hook `studio_started` of every plugin that has it, and wait briefly for its end."""
        for hook in self._manager.hook.studio_started.get_hookimpls():
            guard, facts = self._guard_of(hook.plugin_name), [studio] if hook.argnames else []
            with contextlib.suppress(AVStudioError):
                guard.call("'studio_started'", lambda: finished(hook.function(*facts)), seconds=STARTED_SECONDS)  # noqa: B023

    def close(self) -> None:
        """Wait briefly for unfinished hooks."""
        self._moments.close()

    def guard(self, made: object) -> Guard:
        """The guard for calls of a registered class, or of one of its objects."""
        return self._guard_of(self._origin.get(made if isinstance(made, type) else type(made), ""))

    def make(self, registered: Callable[..., T], *arguments: Any) -> T:
        """An object of a registered class. Raises `PluginError`."""
        guard = self.guard(registered)
        return guard.call(f"The creation of '{_called(registered)}'", registered, *arguments)

    def serve(self, name: str, studio: object, options: Mapping[str, Any], stop: object) -> None:
        """Run an interface on this thread until `stop` is set. Raises `NotFound`, `InvalidParams` and `PluginError`."""
        kind = self.find("interfaces", name)
        guard, made = self.guard(kind), self.make(kind)
        given = guard.call(f"The options of '{name}'", made.options, options)
        guard.call(f"'{name}'", made.serve, studio, given, stop, seconds=UNLIMITED)

    def troubles(self, plugin: Plugin) -> list[Trouble]:
        """The errors of a plugin in use: in this process, and recent ones in other processes on the data folder."""
        return self._troubles.of(plugin.name, plugin.version, since=_changed(plugin.module))

    def kind(self, kind: str) -> dict[str, Any]:
        """All classes of a kind by name (`processors`, `weights` …), collected on the first look-up."""
        with self._lock:
            if kind not in self._kinds:
                self._kinds[kind] = self._collect(kind)
            return self._kinds[kind]

    def find(self, kind: str, name: str) -> Any:
        """The class of that kind and name. Raises `NotFound` with the nearest name, `PluginError` for a refused one."""
        known = self.kind(kind)
        if checked(name, "name of a plugin's class") in known:
            return known[name]
        for refused in self.refused.values():
            if name in refused:
                raise PluginError(refused[name])
        with self.naming_broken():
            here = {plugin.distribution for plugin in self.installed.values()}
            if kind == "processors" and (package := package_for(name, known)) and package not in here:
                raise NotFound(f"No processor is named {quoted(name)}.", hint=f"To get it: pip install '{package}'.")
            title = "model" if kind == "weights" else kind.rstrip("s").replace("_", " ")
            raise NotFound.among(title, name, known, see=f"See the list of {kind.replace('_', ' ')}.")

    @contextlib.contextmanager
    def naming_broken(self) -> Iterator[None]:
        """Add to a `NotFound` of the block the plugins that were set aside: one of them may have that name."""
        try:
            yield
        except NotFound as error:
            if not self.broken:
                raise
            broken = [f"{name} ({shorten(reason, LONGEST_REASON)})" for name, reason in self.broken.items()]
            hint = f"{error.hint} Plugins that cannot be used: {listed(broken, MOST_BROKEN)}."
            raise NotFound(error.message, hint=hint.lstrip()) from None

    def distribution_of(self, registered: type[Any]) -> Plugin | None:
        """The plugin that provides a class."""
        return self.installed.get(self._origin.get(registered, ""))

    def _collect(self, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for hook in getattr(self._manager.hook, f"register_{kind}").get_hookimpls():
            plugin = self.installed[hook.plugin_name]
            guard = Guard(plugin.name, plugin.distribution, None, trusted=self._guard_of(plugin.name).trusted)
            what = f"'register_{kind}'"
            try:
                classes: Sequence[Any] = guard.call(what, hook.function, seconds=IMPORT_SECONDS)
                if not isinstance(classes, list | tuple):
                    raise guard.refusal(what, f"returned {quoted(classes, 60)}, which is not a list of classes")
                named = self._named(kind, classes, found, plugin, guard)
            except AVStudioError as error:
                self._set_aside(plugin, error)
                self._forget(hook.plugin)
                continue
            found |= named
            self._origin |= dict.fromkeys(named.values(), plugin.name)
        return found

    def _named(
        self, kind: str, classes: Sequence[Any], found: dict[str, Any], plugin: Plugin, guard: Guard
    ) -> dict[str, Any]:
        """The valid classes that a plugin registers, by name.

        Raises `PluginError` for a duplicate name.
        """
        named: dict[str, Any] = {}
        for registered in classes:
            try:
                name = guard.call(f"The declaration of '{_called(registered)}'", declared_name, kind, registered)
            except PluginError as error:
                self.refused.setdefault(plugin.name, {})[_called(registered)] = str(error)
                continue
            if name in named:
                raise PluginError(f"Plugin '{plugin.name}' registers '{name}' twice.")
            if name in found:
                first = self._origin[found[name]]
                message = f"Plugins '{first}' and '{plugin.name}' both register '{name}'."
                raise PluginError(message, hint="Uninstall one of them.")
            if kind == "processors":
                _refuse_same_tool(name, plugin.name, (*found, *named))
            named[name] = registered
        return named

    def _guard_of(self, plugin: str) -> Guard:
        described = self.installed.get(plugin)
        if described is None:
            return OUR_GUARD
        if plugin not in self._guards:
            trusted = described.distribution in OURS or described.module.partition(".")[0] == "avstudio_core"
            self._guards[plugin] = Guard(
                plugin,
                described.distribution,
                lambda what, reason: self._troubles.add(plugin, described.version, what, reason),
                trusted=trusted,
            )
        return self._guards[plugin]

    def _listen(self, module: object, name: str) -> None:
        """Add a plugin's event hooks, except `studio_started`, which `started` calls."""
        for caller in self._manager.get_hookcallers(module) or ():
            if caller.name.startswith("register_") or caller.name == "studio_started":
                continue
            for hook in caller.get_hookimpls():
                if hook.plugin is module:
                    self._moments.listen(caller.name, hook.function, hook.argnames, self._guard_of(name))

    def _refuse_unknown_hooks(self, module: object, name: str) -> None:
        callers = self._manager.get_hookcallers(module) or []
        unknown = sorted(caller.name for caller in callers if not caller.has_spec())
        if unknown:
            known = [name for name in vars(hookspecs) if name.startswith("register_")]
            hint = f"Hooks that register: {', '.join(known)}."
            raise PluginError(f"Plugin '{name}' implements unknown hooks: {', '.join(unknown)}.", hint=hint)

    def _set_aside(self, described: Plugin, error: Exception) -> None:
        reason = str(error) if isinstance(error, AVStudioError) else one_line(error)
        values = (described.name, described.module, described.distribution, described.version)
        key = described.name
        if key in self.installed and self.installed[key].module != described.module:
            key = f"{key} ({described.module})"
        self.installed[key] = Plugin(*values, error=reason)

    def _forget(self, module: object) -> None:
        if (name := self._manager.get_name(module)) is not None:
            self._manager.unregister(module)
            self._moments.forget(name)


def package_for(processor: str, known: Iterable[str]) -> str | None:
    """The package of ours to install, if no `known` processor has the medium of this one."""
    medium = processor.partition(".")[0]
    brought = any(name.startswith(f"{medium}.") for name in known)
    return None if brought else PACKAGES.get(medium)


def _changed(module: str) -> float:
    """When the source of a plugin's package last changed: errors from before may be fixed."""
    place = getattr(sys.modules.get(module.partition(":")[0].partition(".")[0]), "__file__", None)
    if not place:
        return 0.0
    files = Path(place).parent.rglob("*.py") if Path(place).name == "__init__.py" else [Path(place)]
    return max((file.stat().st_mtime for file in files), default=0.0)


def _called(registered: object) -> str:
    """The name of an unusable class, if it has one."""
    name = None
    with contextlib.suppress(Exception):  # foreign code
        name = getattr(registered, "name", None) or getattr(registered, "device", None)
    return name if isinstance(name, str) else shown(registered)


def _refuse_other_version(entry: PluginEntry) -> None:
    """Raise `PluginError` for a plugin that requires another version of the core."""
    if not entry.distribution or entry.distribution in OURS:
        return
    from packaging.requirements import InvalidRequirement, Requirement

    here = version(CORE)
    for text in entry.requires:
        with contextlib.suppress(InvalidRequirement):
            needed = Requirement(text)
            if needed.name == CORE and needed.marker is None and not needed.specifier.contains(here, True):
                message = f"Plugin '{entry.name}' ({entry.distribution} {entry.version}) needs {needed}"
                raise PluginError(f"{message}, and {CORE} {here} is installed.", hint="Install compatible versions.")


def _refuse_same_tool(name: str, plugin: str, known: Iterable[str]) -> None:
    """Refuse `a_b.c` beside `a.b_c`: as tools of language models, both are `a_b_c`."""
    if same := next((one for one in known if tool_name(one) == tool_name(name)), None):
        message = f"'{name}' of plugin '{plugin}' and '{same}' are both the tool '{tool_name(name)}'."
        raise PluginError(message, hint="Rename one of them.")


def _load(entry: EntryPoint) -> object:
    """Import a plugin on a separate thread, so that a hanging one can be abandoned."""
    try:
        with contextlib.redirect_stdout(sys.stderr):  # a plugin must not print into a command's output
            return in_time(entry.load, (), IMPORT_SECONDS)
    except Hanging:
        message = f"Plugin '{entry.name}' ({entry.value}) hangs: it was not imported within {IMPORT_SECONDS:g} s."
        raise PluginError(message) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(f"Plugin '{entry.name}' ({entry.value}) failed to import: {one_line(error)}") from error


def _ours_first(entry: PluginEntry) -> tuple[bool, str, str]:
    """The order of loading: ours come first, because a later plugin with a duplicate name is set aside."""
    return entry.distribution not in OURS, entry.distribution, entry.name
