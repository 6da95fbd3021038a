"""Callables with which long work reports progress and warnings; a `Context` has suitable methods."""

from __future__ import annotations

import logging
from collections.abc import Callable

Progress = Callable[[float], None]
"""Called with the finished part, 0 to 1. If it raises an exception, the work stops: this cancels it."""

Warn = Callable[[str, str], None]
"""Called for each degradation, with a stable code and a message."""


def told_before(code: str, message: str) -> None:
    """A `Warn` for sound that is read once more: its warnings were given the first time."""


def log_warning(code: str, message: str) -> None:
    """The default `Warn`, so that no degradation is silent."""
    logging.getLogger(__name__).warning("%s (%s)", message, code)
