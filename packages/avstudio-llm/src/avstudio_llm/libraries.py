"""Checks whether a backend's library is installed."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from avstudio_core.errors import MissingDependency

if TYPE_CHECKING:
    from avstudio_core import Backend


@cache
def is_installed(library: str) -> bool:
    """Whether a module is installed; cached, because the router calls this for every request."""
    return find_spec(library) is not None


def require(backend: Backend, library: str) -> None:
    """Check that a module is installed. Raises `MissingDependency`, whose hint says what to install."""
    if not is_installed(library):
        raise MissingDependency.extra(f"Backend '{backend.config.name}'", backend.distribution, backend.extra)


def library_obstacle(backend: Backend, library: str) -> str | None:
    """Why the library cannot be used, or `None`."""
    try:
        require(backend, library)
    except MissingDependency as error:
        return str(error)
    return None
