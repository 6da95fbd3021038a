"""What is installed, and its state, as data."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from inspect import isfunction
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement

from avstudio_core import hookspecs
from avstudio_core.hook_marker import GROUP

if TYPE_CHECKING:
    from avstudio_core import Setting, Settings
    from avstudio_core.models.shelf import InstalledShelf
    from avstudio_core.plugins import Plugin, Plugins

KINDS = tuple(name.removeprefix("register_") for name in vars(hookspecs) if name.startswith("register_"))


def plugin_data(plugins: Plugins, broken: Mapping[str, str]) -> list[dict[str, Any]]:
    """Every plugin: its distribution, what it provides, what is broken or has failed, or why none of it is used.

    `broken` maps processors that cannot be declared to the reason, as in the catalogue.
    """
    brought: dict[str, dict[str, list[str]]] = {}
    for kind in KINDS:
        for name, registered in plugins.kind(kind).items():
            origin = plugins.distribution_of(registered)
            brought.setdefault(origin.name if origin else "", {}).setdefault(kind, []).append(name)
    return [
        _plugin(plugin, {}, {}, [])
        if plugin.error
        else _plugin(
            plugin,
            brought.get(plugin.name, {}),
            _of(brought.get(plugin.name, {}), broken) | plugins.refused.get(plugin.name, {}),
            [str(trouble) for trouble in plugins.troubles(plugin)],
        )
        for plugin in plugins.installed.values()
    ]


def _of(brought: dict[str, list[str]], broken: Mapping[str, str]) -> dict[str, str]:
    return {name: why for name, why in broken.items() if name in brought.get("processors", ())}


def _plugin(
    plugin: Plugin, brought: dict[str, list[str]], broken: dict[str, str], troubles: list[str]
) -> dict[str, Any]:
    whole = {kind: [name for name in names if name not in broken] for kind, names in brought.items()}
    moments, unmarked = ([], []) if plugin.error else _hooks(plugin.module)
    return {
        "name": plugin.name,
        "module": plugin.module,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "error": plugin.error,
        "brings": {kind: names for kind, names in whole.items() if names},
        "hears": moments,
        "broken": broken,
        "troubles": troubles,
        "unmarked": unmarked,
    }


def _hooks(module: str) -> tuple[list[str], list[str]]:
    """The event hooks that a plugin implements, and its functions that have a hook's name but not its mark."""
    place, _, inside = module.partition(":")
    found: Any = sys.modules.get(place)
    for name in filter(None, inside.split(".")):
        found = getattr(found, name, None)
    known = [
        name for name, hook in vars(hookspecs).items() if isfunction(hook) and hook.__module__ == hookspecs.__name__
    ]
    own = {name: function for name in known if callable(function := getattr(found, name, None))}
    marked = [name for name, function in own.items() if hasattr(function, f"{GROUP}_impl")]
    return [name for name in marked if not name.startswith("register_")], [name for name in own if name not in marked]


def extra_data(plugins: Plugins) -> list[dict[str, Any]]:
    """Every extra of the packages with plugins: what is missing, and the command that installs it."""
    names = {plugin.distribution for plugin in plugins.installed.values() if plugin.distribution}
    return [extra for name in sorted(names) for extra in _extras(distribution(name))]


def weights_data(shelf: InstalledShelf) -> list[dict[str, Any]]:
    """All declared weights: size, licence, where they are, how to install them."""
    return [
        {
            "name": weights.name,
            "family": weights.family,
            "licence": weights.licence,
            "size": sum(file.size or 0 for file in weights.files) or None,
            "memory_mb": weights.memory_mb,
            "place": (place := shelf.place(weights.name)),
            "at_hand": place not in ("hub", "absent"),
            "requires": weights.requires,
        }
        for weights in shelf.all()
    ]


def settings_data(settings: Settings) -> dict[str, Any]:
    """Every setting, and the names in the settings file that no loaded plugin declares."""
    from avstudio_core.settings import ENVIRONMENT

    found = settings.unclaimed.items()  # variables may belong to other programs
    undeclared = [{"name": name, "origin": origin} for name, (_, origin) in found if origin != ENVIRONMENT]
    return {"settings": setting_data(settings), "undeclared_settings": undeclared}


def setting_data(settings: Settings) -> list[dict[str, Any]]:
    """Every setting: its value, the origin of the value, its purpose."""
    return [_setting(one, settings.values[one.name], settings.origins[one.name]) for one in settings.declared]


def _setting(one: Setting[Any], value: Any, origin: str) -> dict[str, Any]:
    shown = None if value is None else _plain(value)
    return {"name": one.name, "variable": one.variable, "value": shown, "origin": origin, "help": one.help}


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float) else str(value)


def _extras(package: Distribution) -> Iterator[dict[str, Any]]:
    requirements = [Requirement(text) for text in package.requires or ()]
    for extra in package.metadata.get_all("Provides-Extra") or ():
        missing = [
            f"{one.name}{one.specifier}" for one in requirements if _required_by(one, extra) and not _installed(one)
        ]
        command = f"pip install '{package.name}[{extra}]'"
        yield {"distribution": package.name, "extra": extra, "missing": missing, "command": command}


def _required_by(requirement: Requirement, extra: str) -> bool:
    """Whether a requirement belongs to the extra, on this platform."""
    marker = requirement.marker
    return marker is not None and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""})


def _installed(requirement: Requirement) -> bool:
    try:
        version = distribution(requirement.name).version
    except PackageNotFoundError:
        return False
    return requirement.specifier.contains(version, prereleases=True)
