"""The decorator that marks a plugin's hooks.

Pluggy's own marker does the same, and takes options. This one is faster to import, and so are plugins that use it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

GROUP = "avstudio"
"""The entry-point group of plugins, and the name of the hook markers."""


def hookimpl(function: F) -> F:
    """Mark a function of a plugin's module as the hook with its name."""
    setattr(function, f"{GROUP}_impl", {})
    return function
