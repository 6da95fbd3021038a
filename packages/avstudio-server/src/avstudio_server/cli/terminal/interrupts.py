"""Ctrl-C and SIGTERM: the first one asks to stop, the second one leaves at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

from avstudio_core.child_process import kill_workers
from avstudio_server.cli.exits import CANCELLED

SHOW_CURSOR = b"\x1b[?25h\n"


class Interrupts:
    """While it is entered, the first signal calls `stop` on a thread of its own.

    The handler itself touches nothing: the main thread may hold any lock when a signal comes.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._earlier: dict[signal.Signals, Any] = {}
        self.heard = False

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._earlier[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.heard:
            leave()
        self.heard = True
        threading.Thread(target=self._stop, daemon=True).start()


def leave() -> None:
    """End this process and its workers now."""
    kill_workers()
    with contextlib.suppress(OSError):
        if sys.stderr.isatty():
            os.write(sys.stderr.fileno(), SHOW_CURSOR)
    os._exit(CANCELLED)
