"""What is installed, and in which state."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from packaging.requirements import Requirement

from avstudio_server.installed import installation, settings

KINDS = ("processors", "weights", "backends", "price_books", "routers", "executors", "memory_managers")


def plugin_data() -> list[dict[str, Any]]:
    """Every plugin: where it is from, what it brings, or why it was set aside."""
    plugins = installation().plugins
    brought: dict[str, dict[str, list[str]]] = {}
    for kind in KINDS:
        for name, registered in plugins.kind(kind).items():
            origin = plugins.distribution_of(registered)
            brought.setdefault(origin.name if origin else "", {}).setdefault(kind, []).append(name)
    return [
        {
            "name": plugin.name,
            "module": plugin.module,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "error": plugin.error,
            "brings": {} if plugin.error else brought.get(plugin.name, {}),
            "said": f"BROKEN: {plugin.error}" if plugin.error else _said(brought.get(plugin.name, {})),
        }
        for plugin in plugins.installed.values()
    ]


def extra_data() -> list[dict[str, Any]]:
    """Every extra of the packages that bring plugins: what it lacks, and the command that installs it."""
    names = {plugin.distribution for plugin in installation().plugins.installed.values() if plugin.distribution}
    return [extra for name in sorted(names) for extra in _extras(distribution(name))]


def weights_data() -> list[dict[str, Any]]:
    """All declared weights: size, licence, where they are, how to get them."""
    shelf = installation().shelf
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


def setting_data() -> list[dict[str, Any]]:
    """Every setting: its value, where that came from, what it is for."""
    from avstudio_core.settings import SETTINGS

    values = settings()
    return [
        {
            "name": setting.name,
            "variable": setting.variable,
            "value": None if (value := values.values[setting.name]) is None else _plain(value),
            "origin": values.origins[setting.name],
            "help": setting.help,
        }
        for setting in SETTINGS
    ]


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float) else str(value)


def _said(brought: dict[str, list[str]]) -> str:
    parts = [f"{kind.replace('_', ' ')} {', '.join(names)}" for kind, names in brought.items()]
    return "; ".join(parts) or "nothing"


def _extras(package: Distribution) -> Iterator[dict[str, Any]]:
    requirements = [Requirement(text) for text in package.requires or ()]
    for extra in package.metadata.get_all("Provides-Extra") or ():
        missing = [
            f"{one.name}{one.specifier}" for one in requirements if _asked_by(one, extra) and not _installed(one)
        ]
        command = f"pip install '{package.name}[{extra}]'"
        yield {"distribution": package.name, "extra": extra, "missing": missing, "command": command}


def _asked_by(requirement: Requirement, extra: str) -> bool:
    """Whether a requirement is there because of the extra, on this machine."""
    marker = requirement.marker
    return marker is not None and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""})


def _installed(requirement: Requirement) -> bool:
    try:
        version = distribution(requirement.name).version
    except PackageNotFoundError:
        return False
    return requirement.specifier.contains(version, prereleases=True)
