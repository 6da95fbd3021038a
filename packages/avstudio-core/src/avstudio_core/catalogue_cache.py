"""The catalogue of the installed plugins, kept in a file, so that a command need not import them."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_core.catalogue import Catalogue, Declaration, InterfaceDeclaration, collected
from avstudio_core.commands import Command
from avstudio_core.errors import AVStudioError
from avstudio_core.settings_sources import load
from avstudio_core.storage.private_files import private, private_folder

if TYPE_CHECKING:
    from avstudio_core.models.shelf import InstalledShelf
    from avstudio_core.plugins import Plugins
    from avstudio_core.settings import Settings

FORMAT = "7"
"""The version of the cache file; raise it when the format changes."""
WEIGHTS = ("weights", "hub_cache", "hub", "offline", "local_only", "allowed_hosts", "trusted_hosts")
"""The settings that decide which weights there are."""
Times = dict[str, int | None]
"""When files changed last, in ns; `None` for those that are not there."""


def read(folder: Path, only: Iterable[str] | None, settings: Settings | None = None) -> Catalogue:
    """The catalogue of the installed plugins, from a cache in `folder` unless packages or weights came or went.

    Reading the cache does not import plugins or pydantic, which keeps `avstudio --help` fast.
    """
    settings = settings or load({})
    path = folder / f"catalogue-{_installation(only, settings)}.json"
    found = _cached(path)
    if found is None:
        found = _of_installed(only, settings)
        _keep(path, found)
    return found[0]


class LiveCatalogue:
    """The catalogue of an open studio; it is made again when weights come or go."""

    def __init__(self, plugins: Plugins, shelf: InstalledShelf) -> None:
        self._plugins = plugins
        self._shelf = shelf
        self._found: tuple[Times, Catalogue] | None = None

    def get(self) -> Catalogue:
        """The catalogue as of now."""
        times = _times(self._shelf.places())
        if self._found is None or self._found[0] != times:
            self._found = times, collected(self._plugins, self._shelf)
        return self._found[1]


def _of_installed(only: Iterable[str] | None, settings: Settings) -> tuple[Catalogue, Times]:
    """The catalogue of installed plugins, with the times of their source files and of their weights."""
    from avstudio_core.models.shelf import InstalledShelf
    from avstudio_core.plugins import Plugins

    plugins = Plugins(settings.home)
    plugins.discover(None if only is None else set(only))
    shelf = InstalledShelf(plugins, settings)
    times = _times(shelf.places())  # before the catalogue is made: what comes meanwhile is then noticed
    found = collected(plugins, shelf)
    modules = {plugin.module for plugin in plugins.installed.values()}
    return found, times | _times(path for module in modules for path in _files(module))


def _times(paths: Iterable[Path]) -> Times:
    return {str(path): _time(path) for path in paths}


def _time(path: str | Path) -> int | None:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None


def _files(module: str) -> Iterator[Path]:
    """The source files of a plugin's package; also of a broken plugin, because a repair is a change."""
    from importlib.util import find_spec

    try:
        spec = find_spec(module.partition(":")[0].partition(".")[0])
    except (ImportError, ValueError):
        return
    if spec is not None and spec.origin and Path(spec.origin).is_file():
        yield Path(spec.origin)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        yield from Path(folder).rglob("*.py")


def _installation(only: Iterable[str] | None, settings: Settings) -> str:
    """A fingerprint of the installed packages: installing or removing one changes the time of their folder."""
    folders = [path for path in sys.path if path and os.path.isdir(path)]
    changed = [(path, os.stat(path).st_mtime_ns) for path in folders]
    shelf = [str(settings.values[name]) for name in WEIGHTS]
    stamp = (FORMAT, sys.version, sorted(only) if only is not None else None, changed, str(settings.home), shelf)
    return hashlib.sha256(repr(stamp).encode()).hexdigest()[:24]


def _cached(path: Path) -> tuple[Catalogue, Times] | None:
    try:
        content = json.loads(path.read_bytes())
        for source, changed in content["sources"].items():
            if _time(source) != changed:
                return None
        processors = {name: Declaration(**value) for name, value in content["processors"].items()}
        interfaces = {name: InterfaceDeclaration(**value) for name, value in content["interfaces"].items()}
        commands = {name: Command(**value) for name, value in content["commands"].items()}
        return Catalogue(processors, interfaces, commands, content["weights"], content["broken"]), content["sources"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(path: Path, found: tuple[Catalogue, Times]) -> None:
    """Write the cache; if the folder cannot be written, the next start is just slower."""
    catalogue, sources = found
    try:
        private_folder(path.parent.parent, parents=True)
        private_folder(path.parent)
        for stale in path.parent.glob("catalogue-*.json"):
            stale.unlink(missing_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        with open(partial, "w", encoding="utf-8", opener=private) as file:
            json.dump(asdict(catalogue) | {"sources": sources}, file)
        partial.replace(path)
    except (OSError, AVStudioError):
        return
