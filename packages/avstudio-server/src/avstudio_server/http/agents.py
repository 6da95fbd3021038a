"""The answer of every route for agents while none takes tasks."""

from __future__ import annotations

from typing import NoReturn

from avstudio_core.errors import NotFound


def no_agents() -> NoReturn:
    """Raises `NotFound`, with what to install."""
    raise NotFound("No agents are installed that take tasks.", hint="Install the package 'avstudio-agents'.")
