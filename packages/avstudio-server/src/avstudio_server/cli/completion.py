"""Values that a shell may complete; where they cannot be known at once, none."""

from __future__ import annotations

from avstudio_server.views.installed import installation, settings

NEWEST = 50


def states(incomplete: str) -> list[str]:
    """States of tasks."""
    from avstudio_core.tasks.states import State

    return [state.lower() for state in State if state.startswith(incomplete.upper())]


def tasks(incomplete: str) -> list[str]:
    """The newest tasks' ids, read past the studio: to open one takes longer than a person waits for a key."""
    import sqlite3

    try:
        database = sqlite3.connect(f"{(settings().home / 'avstudio.db').as_uri()}?mode=ro", uri=True)
        rows = database.execute("SELECT id FROM tasks ORDER BY id DESC LIMIT ?", (NEWEST,)).fetchall()
    except (sqlite3.Error, ValueError):
        return []
    return [name for (name,) in rows if name.startswith(incomplete)]


def weights(incomplete: str) -> list[str]:
    """Names of model files."""
    return [one.name for one in installation().shelf.all() if one.name.startswith(incomplete)]
