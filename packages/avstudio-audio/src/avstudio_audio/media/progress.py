"""How a long job reports its progress: plain callables, so that a `Context` or a lambda will do."""

from __future__ import annotations

import logging
from collections.abc import Callable

Progress = Callable[[float], None]
"""Hears the part done, 0 to 1. What it raises ends the work: that is how to cancel."""

Warn = Callable[[str, str], None]
"""Hears of a degradation: its stable code and a message for a person."""


def log_warning(code: str, message: str) -> None:
    """The `Warn` for those who give none: nothing degrades silently."""
    logging.getLogger(__name__).warning("%s (%s)", message, code)
