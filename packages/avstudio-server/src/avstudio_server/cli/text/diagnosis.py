"""The state of the whole installation as lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from avstudio_server.cli.hints import hint
from avstudio_server.cli.terminal.tables import size, table
from avstudio_server.cli.text.language_models import obstacle_text
from avstudio_server.cli.text.plugins import contribution
from avstudio_server.cli.text.secrets import warnings
from avstudio_server.cli.text.weights import weights_state


def diagnosis_text(data: dict[str, Any]) -> str:
    """The diagnosis as text."""
    return "\n".join(_lines(data))


def _lines(data: dict[str, Any]) -> Iterator[str]:
    yield f"AV-Studio {data['avstudio']}, Python {data['python']} ({data['executable']}), {data['platform']}"
    yield from _part("Plugins", [(one["name"], one["distribution"], contribution(one)) for one in data["plugins"]])
    yield from _part("Extras", [_extra(one) for one in data["extras"]])
    yield from _part("Licences", [_licence(one) for one in data["licences"]])
    yield from _part("Weights", [(one["name"], one["family"], weights_state(one)) for one in data["weights"]])
    yield from _part(
        "Devices", [(one["device"], f"{one['available_mb']} of {one['total_mb']} MB free") for one in data["devices"]]
    )
    yield from _part("Confinement of runs", list(data["confinement"].items()))
    yield from _part("Language models", [(one["name"], obstacle_text(one) or "ready") for one in data["backends"]])
    stores = data["secret_stores"].items()
    yield from _part("Secret stores", [(name, obstacle or "usable") for name, obstacle in stores])
    yield from _part("Secrets", [(one["name"], one["store"]) for one in data["secrets"]])
    yield from _part("Settings", [_setting(one) for one in data["settings"]])
    yield from _part("Data folder", _folder(data["data_folder"]))
    yield from ("", "No problems were found." if not _problems(data) else "Problems:")
    yield from (f"  {line}" for line in _problems(data))


def _part(title: str, rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield from ("", f"{title}:")
    columns = max((len(row) for row in rows), default=1)
    padded = [(*row, *[""] * (columns - len(row))) for row in rows] or [("none",)]
    yield from (f"  {line}" for line in table(padded[0], padded[1:]).splitlines())


def _extra(one: dict[str, Any]) -> tuple[str, str]:
    name = f"{one['distribution']}[{one['extra']}]"
    return name, f"missing: {', '.join(one['missing'])}. Run: {one['command']}" if one["missing"] else "installed"


def _licence(one: dict[str, Any]) -> tuple[str, str]:
    inside = ", ".join(f"{library['library']} ({library['licence']})" for library in one["contains"])
    texts = [one["licence"], f"contains {inside}" if inside else None]
    return f"{one['distribution']} {one['version']}", "; ".join(filter(None, texts))


def _setting(one: dict[str, Any]) -> tuple[str, str, str]:
    return one["variable"], "not set" if one["value"] is None else str(one["value"]), f"from {one['origin']}"


def _folder(one: dict[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("path", one["path"])]
    if "files" in one:
        tasks = ", ".join(f"{count} {name}" for name, count in one["tasks"].items()) or "none"
        rows.append(("files", f"{one['files']}, {size(one['bytes'])}; {size(one['free_bytes'])} free on the disk"))
        rows.append(("tasks", tasks))
        rows.append(("model memory", f"{one['budget_mb']} MB; loaded: {', '.join(one['loaded']) or 'none'}"))
        rows.append(("contents", "verified" if one["checked"] else "not verified: avstudio doctor --check"))
    return rows


def _problems(data: dict[str, Any]) -> list[str]:
    found = [line for plugin in data["plugins"] for line in _plugin_problems(plugin)]
    for one in data["undeclared_settings"]:
        found.append(f"No loaded plugin declares the setting '{one['name']}' in '{one['origin']}'.")
    found += warnings(data["secrets"])
    found += [f"{one['what']} ({one['warning']})" for one in data["data_folder"].get("outdated", ())]
    return found + [f"{flaw['what']} {hint('', flaw['cure'])}".strip() for flaw in data["data_folder"]["flaws"]]


def _plugin_problems(plugin: dict[str, Any]) -> Iterator[str]:
    name = plugin["name"]
    if plugin["error"]:
        yield f"Plugin '{name}': {plugin['error']}"
    yield from (f"'{broken}' of plugin '{name}': {why}" for broken, why in plugin["broken"].items())
    yield from (f"Plugin '{name}': {trouble}" for trouble in plugin["troubles"])
