"""The entry points of installed plugins, searched for again only if packages came or went: a search takes 40 ms."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

from avstudio_core.hook_marker import GROUP

SETTLED_NS = 2 * 10**9
"""A folder that changed less than so many nanoseconds ago may be in the middle of an installation."""
FACTS = (".dist-info", ".egg-info", ".egg-link", ".egg", ".zip", ".whl")
"""The endings of what describes a package."""
Folders = tuple[tuple[str, int], ...]
_kept: tuple[Folders, tuple[PluginEntry, ...]] | None = None


@dataclass(frozen=True, slots=True)
class PluginEntry:
    """An entry point, and the distribution that has it; reading those again takes as long as finding them."""

    name: str
    value: str
    distribution: str
    version: str
    requires: tuple[str, ...]
    point: EntryPoint


def plugin_entries() -> tuple[PluginEntry, ...]:
    """The entry points of all installed plugins."""
    global _kept
    kept, folders = _kept, tuple(_folders())
    if kept is None or kept[0] != folders:
        kept = folders, tuple(map(_entry, entry_points(group=GROUP)))
        settled = time.time_ns() - SETTLED_NS
        _kept = kept if all(changed < settled for _, changed in folders) else None
    return kept[1]


def installed_after(moment: float) -> tuple[str, ...]:
    """The packages with plugins that were installed after a moment, such as `avstudio-video 0.2.0`."""
    return tuple(sorted({f"{one.distribution} {one.version}" for one in plugin_entries() if _installed(one) > moment}))


def _installed(one: PluginEntry) -> float:
    """When the folder was written that describes a package; 0 if there is none."""
    facts = f"{re.sub('[-_.]+', '_', one.distribution)}-{one.version}.dist-info"
    try:
        return os.stat(one.point.dist.locate_file(facts)).st_mtime if one.point.dist else 0.0  # type: ignore[arg-type]
    except OSError:
        return 0.0


def _entry(point: EntryPoint) -> PluginEntry:
    if (one := point.dist) is None:
        return PluginEntry(point.name, point.value, "", "", (), point)
    return PluginEntry(point.name, point.value, one.name, one.version, tuple(one.requires or ()), point)


def _folders() -> Iterator[tuple[str, int]]:
    """Where packages are installed, each with the time of its last change."""
    for path in sys.path:
        try:
            changed = os.stat(path or ".").st_mtime_ns
        except OSError:
            continue
        if _has_packages(os.path.abspath(path), changed):
            yield os.path.abspath(path), changed


@lru_cache(maxsize=64)
def _has_packages(path: str, _changed: int) -> bool:
    return os.path.isfile(path) or any(name.endswith(FACTS) for name in os.listdir(path))
