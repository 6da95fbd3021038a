"""The exchange of two folders in one step, so that a folder's name always leads to a whole one."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

AT_FDCWD = -100
"""Paths are relative to the current folder: Linux."""
EXCHANGE = 2
"""Of `renameat2` on Linux, and `renamex_np` on macOS."""


def exchange(one: Path, other: Path) -> None:
    """Exchange two folders on one disk. Raises `OSError`.

    A system that cannot do that in one step renames one after the other.
    """
    if not _at_once(os.fsencode(one), os.fsencode(other)):
        between = one.with_name(f"{one.name}.exchanged")
        other.rename(between)
        one.rename(other)
        between.rename(one)


def _at_once(one: bytes, other: bytes) -> bool:
    system = ctypes.CDLL(None)
    if sys.platform == "darwin" and hasattr(system, "renamex_np"):
        return bool(system.renamex_np(one, other, EXCHANGE) == 0)
    if sys.platform == "linux" and hasattr(system, "renameat2"):
        return bool(system.renameat2(AT_FDCWD, one, AT_FDCWD, other, EXCHANGE) == 0)
    return False
