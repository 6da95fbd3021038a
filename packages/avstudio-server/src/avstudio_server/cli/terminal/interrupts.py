"""Signals while tasks run: the first one cancels, the second one exits at once."""

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
from avstudio_server.cli import signals
from avstudio_server.cli.exits import CANCELLED

SHOW_CURSOR = b"\x1b[?25h\n"


class Interrupts:
    """While entered, the first signal calls `stop` on a new thread.

    The handler itself takes no locks: the main thread may hold any of them when the signal arrives.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._earlier: dict[signal.Signals, Any] = {}
        self.received = False

    def __enter__(self) -> Self:
        self._earlier = signals.handle(self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.received:
            leave()
        self.received = True
        threading.Thread(target=self._stop, daemon=True).start()


def leave() -> None:
    """End this process and its workers now."""
    kill_workers()
    with contextlib.suppress(OSError):
        if sys.stderr.isatty():
            os.write(sys.stderr.fileno(), SHOW_CURSOR)
    os._exit(CANCELLED)
