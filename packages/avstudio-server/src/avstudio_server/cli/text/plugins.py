"""Plugins as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from avstudio_server.cli.terminal.tables import table


def plugin_table(plugins: Sequence[dict[str, Any]]) -> str:
    """One line for each plugin."""
    rows = [(one["name"], one["distribution"], one["version"], contribution(one)) for one in plugins]
    return table(("PLUGIN", "FROM", "VERSION", "BRINGS"), rows)


def contribution(plugin: dict[str, Any]) -> str:
    """What a plugin provides, and what of it is broken."""
    if plugin["error"]:
        return f"BROKEN: {plugin['error']}"
    parts = [f"{kind.replace('_', ' ')} {', '.join(names)}" for kind, names in plugin["brings"].items()]
    parts += [f"hears {', '.join(plugin['hears'])}"] if plugin["hears"] else []
    parts += [f"BROKEN: {name}: {why}" for name, why in plugin["broken"].items()]
    parts += [f"TROUBLE: {trouble}" for trouble in plugin["troubles"]]
    parts += (
        [f"{', '.join(plugin['unmarked'])}: not marked with @hookimpl, so never called"] if plugin["unmarked"] else []
    )
    return "; ".join(parts) or "nothing"
