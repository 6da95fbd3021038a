"""Secrets, as data; never their values."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avstudio_core import Studio

DAY_SECONDS = 86_400


def secret_data(studio: Studio) -> list[dict[str, Any]]:
    """The secrets that were set, and the keys of backends that the environment has, which come first."""
    now, stores = time.time(), studio.secrets.stores()
    kept = {
        one.name: {"name": one.name, "store": one.store, "set_at": one.set_at, "days": _days(now, one.set_at)}
        | {"old": one.old(now), "obstacle": stores.get(one.store, "its store is not installed")}
        for one in studio.secrets.all()
    }
    for name in sorted(variables(studio)):
        if os.environ.get(name):
            kept[name] = {
                "name": name,
                "store": "environment",
                "set_at": None,
                "days": None,
                "old": False,
                "obstacle": None,
            }
    return list(kept.values())


def variables(studio: Studio) -> set[str]:
    """The names of the keys that the backends use, and of the secrets that were set."""
    return {name for name in studio.llm.key_variables().values() if name} | {one.name for one in studio.secrets.all()}


def _days(now: float, then: float) -> int:
    return int((now - then) // DAY_SECONDS)
