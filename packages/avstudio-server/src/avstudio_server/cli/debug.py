"""Whether tracebacks and logs are shown: with `--debug`, or for many commands with the environment variable."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

FLAG = "--debug"
VARIABLE = "AVSTUDIO_DEBUG"


def begin() -> None:
    """Show them from now on, also in commands that this one starts."""
    os.environ[VARIABLE] = "1"


def wanted() -> bool:
    return bool(os.environ.get(VARIABLE))


@contextlib.contextmanager
def library_log() -> Iterator[None]:
    """While entered, the library's log is shown only if it is wanted: a command reports what its user needs to know."""
    import logging

    library = logging.getLogger("avstudio_core")
    handler = logging.StreamHandler() if wanted() else logging.NullHandler()
    propagated, library.propagate = library.propagate, False
    library.addHandler(handler)
    try:
        yield
    finally:
        library.removeHandler(handler)
        library.propagate = propagated
