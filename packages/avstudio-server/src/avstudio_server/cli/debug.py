"""Whether tracebacks and logs are shown: with `--debug`, or for many commands with the environment variable."""

from __future__ import annotations

import os

FLAG = "--debug"
VARIABLE = "AVSTUDIO_DEBUG"


def begin() -> None:
    """Show them from now on, also in commands that this one starts."""
    os.environ[VARIABLE] = "1"


def wanted() -> bool:
    return bool(os.environ.get(VARIABLE))
