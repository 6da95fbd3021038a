"""The processor cores that a decoder may use."""

from __future__ import annotations

import os


def usable_cores(asked: int) -> int:
    """The number `asked`, or for 0 every core that this process may use."""
    mine = getattr(os, "sched_getaffinity", None)
    return asked or (len(mine(0)) if mine else os.cpu_count() or 1)
