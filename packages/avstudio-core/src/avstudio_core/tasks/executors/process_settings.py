"""Settings of a whole process that a run may change for the runs after it, each with how to read and restore it."""

from __future__ import annotations

import gc
import locale
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

LIMITS = ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_STACK")


@dataclass(frozen=True, slots=True)
class ProcessSetting:
    """A setting of the process. `name` completes "the run changed …"."""

    name: str
    read: Callable[[], Any]
    restore: Callable[[Any], object]


def _streams() -> tuple[Any, ...]:
    return sys.stdin, sys.stdout, sys.stderr


def _restore_streams(streams: tuple[Any, ...]) -> None:
    sys.stdin, sys.stdout, sys.stderr = streams


def _limits() -> list[int]:
    """The soft limits of this process."""
    return [resource.getrlimit(getattr(resource, name))[0] for name in LIMITS]


def _restore_limits(soft: list[int]) -> None:
    for name, limit in zip(LIMITS, soft, strict=True):
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        resource.setrlimit(number, (limit, hard))


def _restore_zone(_: tuple[str, str]) -> None:
    time.tzset()  # the variable TZ is restored before


def _restore_collection(on: bool) -> None:
    (gc.enable if on else gc.disable)()


PROCESS_SETTINGS = (
    ProcessSetting("the standard streams", _streams, _restore_streams),
    ProcessSetting("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
    ProcessSetting("the time limit of sockets", socket.getdefaulttimeout, socket.setdefaulttimeout),
    ProcessSetting("the locale", partial(locale.setlocale, locale.LC_ALL), partial(locale.setlocale, locale.LC_ALL)),
    ProcessSetting("the time zone", lambda: time.tzname, _restore_zone),
    ProcessSetting(
        "the blocked signals",
        partial(signal.pthread_sigmask, signal.SIG_BLOCK, ()),
        partial(signal.pthread_sigmask, signal.SIG_SETMASK),
    ),
    ProcessSetting("the limits of resources", _limits, _restore_limits),
    ProcessSetting("the garbage collection", gc.isenabled, _restore_collection),
)


def process_settings() -> list[Any]:
    """The values of all settings now."""
    return [setting.read() for setting in PROCESS_SETTINGS]


def restored_settings(before: list[Any]) -> tuple[list[str], bool]:
    """Give the settings their earlier values; return the names of those that had changed, and whether all are back."""
    changed = [(one, value) for one, value in zip(PROCESS_SETTINGS, before, strict=True) if one.read() != value]
    back = True
    for setting, value in changed:
        try:
            setting.restore(value)
        except (OSError, ValueError):  # a hard limit was lowered
            back = False
    return [setting.name for setting, _ in changed], back
