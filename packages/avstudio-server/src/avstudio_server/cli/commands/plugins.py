"""`avstudio plugins`: the installed plugins, and which are broken."""

from __future__ import annotations

from typing import Any

import typer

from avstudio_server.cli import groups
from avstudio_server.cli.flags import Json
from avstudio_server.cli.terminal import output


def command() -> Any:
    return groups.single(plugins, "plugins")


def plugins(ctx: typer.Context, as_json: Json = False) -> int:
    """List the installed plugins, what each provides, and why any are broken."""
    from avstudio_server.cli.text.plugins import plugin_table
    from avstudio_server.views.installation import plugin_data

    found = plugin_data(ctx.obj.plugins, ctx.obj.catalogue.broken)
    if as_json:
        output.write_json(found)
    else:
        output.write(plugin_table(found))
    return 0
