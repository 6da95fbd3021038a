"""The signals that end a command: SIGINT (Ctrl-C), SIGTERM, SIGHUP (a closed terminal), SIGQUIT (Ctrl-\\), SIGXCPU.

The system sends SIGXCPU to a command that has used up its time, as set by `ulimit -t`.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGXCPU)


def handle(handler: Callable[..., Any]) -> dict[signal.Signals, Any]:
    """Install a handler for each of them that is not ignored (`nohup` ignores SIGHUP); return the earlier handlers."""
    heeded = [number for number in STOP if signal.getsignal(number) is not signal.SIG_IGN]
    return {number: signal.signal(number, handler) for number in heeded}
