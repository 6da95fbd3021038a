"""`avstudio plugins`: what brings the processors, and what is broken."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli import groups

Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]


def command() -> Any:
    return groups.single(plugins, "plugins")


def plugins(as_json: Json = False) -> int:
    """List the installed plugins with what each brings, and the broken ones with the reason."""
    from avstudio_server.cli.plans.run import say_json
    from avstudio_server.cli.terminal.tables import table
    from avstudio_server.views.installation import plugin_data

    found = plugin_data()
    if as_json:
        say_json(found)
        return 0
    rows = [(one["name"], one["distribution"], one["version"], one["said"]) for one in found]
    print(table(("PLUGIN", "FROM", "VERSION", "BRINGS"), rows))
    return 0
