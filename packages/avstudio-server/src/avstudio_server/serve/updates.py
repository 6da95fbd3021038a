"""A watch for packages that are installed while a server runs: it has the earlier code until it is started again."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from avstudio_core.errors import AVStudioError
from avstudio_server.views.health import PACKAGES_CHANGED, outdated_text

if TYPE_CHECKING:
    from avstudio_core import Studio

log = logging.getLogger("avstudio.server")
LOOK_SECONDS = 15.0


@contextmanager
def watched(studio: Studio, every: float = LOOK_SECONDS) -> Iterator[None]:
    """Log a warning, once, if packages are installed meanwhile."""
    ended = threading.Event()
    thread = threading.Thread(target=_watch, args=[studio, ended, every], name="updates", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _watch(studio: Studio, ended: threading.Event, every: float) -> None:
    while not ended.wait(every):
        with suppress(AVStudioError, OSError):  # the next look may succeed
            if later := studio.health().outdated.get(os.getpid()):
                log.warning("%s: %s", PACKAGES_CHANGED, outdated_text("This server", later))
                return
