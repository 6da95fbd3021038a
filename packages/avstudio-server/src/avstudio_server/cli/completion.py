"""Values for shell completion; none where finding them would take time."""

from __future__ import annotations

import typer

NEWEST = 50


def states(incomplete: str) -> list[str]:
    """States of tasks."""
    from avstudio_core import State

    return [state.lower() for state in State if state.startswith(incomplete.upper())]


def tasks(ctx: typer.Context, incomplete: str) -> list[str]:
    """The newest tasks' ids."""
    from avstudio_core.storage.sqlite.glance import newest_tasks

    return [name for name in newest_tasks(ctx.obj.settings.home, NEWEST) if name.startswith(incomplete)]


def weights(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of model files."""
    return [one.name for one in ctx.obj.shelf.all() if one.name.startswith(incomplete)]
