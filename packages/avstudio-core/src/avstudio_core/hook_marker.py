"""The mark that a plugin puts on its hooks.

Pluggy's own marker leaves the same trace, with options besides. This one takes no time to import, and so plugins take
none: they are imported long before anybody calls them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

GROUP = "avstudio"
"""The entry-point group of plugins, and the name of the hook markers."""


def hookimpl(function: F) -> F:
    """Have a function of a plugin's module called as the hook of its name."""
    setattr(function, f"{GROUP}_impl", {})
    return function
