"""The choice of a display."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from avstudio_server.cli.terminal.display import Display, Lines


def display(labels: Mapping[str, str], *, quiet: bool) -> Display:
    """Bars if stderr is a terminal, lines if not, and only notes if `quiet`."""
    if quiet:
        return Display(labels)
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from avstudio_server.cli.terminal.bars import Bars

        return Bars(labels)
    return Lines(labels)
