"""Whether somebody wants to see what is behind the messages: by `--debug`, or for many commands by its variable."""

from __future__ import annotations

import os

FLAG = "--debug"
VARIABLE = "AVSTUDIO_DEBUG"


def begin() -> None:
    """From now on; commands that this one starts are told, too."""
    os.environ[VARIABLE] = "1"


def wanted() -> bool:
    return bool(os.environ.get(VARIABLE))
