"""The processors of this studio as plain data, from which the command line, REST, MCP and the docs are made."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import AVStudioError, PluginError
from avstudio_core.storage.private_files import private, private_folder

if TYPE_CHECKING:
    from avstudio_core.models.shelf import InstalledShelf
    from avstudio_core.plugins import Plugins

FORMAT = "3"
"""The version of the cache file; raise it when the format changes."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """A processor without its code; the JSON form is stable."""

    name: str
    summary: str
    description: str
    version: str
    distribution: str
    accepts: list[str]
    source_optional: bool
    outputs: dict[str, str]
    params: dict[str, Any]
    """JSON Schema of the parameters."""
    result: dict[str, Any]
    """JSON Schema of the result."""

    @property
    def medium(self) -> str:
        return self.name.partition(".")[0]

    @property
    def verb(self) -> str:
        return self.name.partition(".")[2]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a studio can do: the declarations of its processors, and what is broken."""

    processors: dict[str, Declaration] = field(default_factory=dict)
    """By name."""
    weights: dict[str, list[str]] = field(default_factory=dict)
    """The names of the declared weights by family, the best first."""
    broken: dict[str, str] = field(default_factory=dict)
    """Plugins, and classes of theirs, that cannot be used, each with the reason."""


def declare(processor: Any, distribution: str) -> Declaration:
    """The declaration of a processor."""
    from avstudio_core.artifact import wrong_outputs

    text = inspect.cleandoc(type(processor).__doc__ or "")
    try:
        outputs = {**processor.outputs(processor.params_type())}
    except (ValueError, AVStudioError):  # depends on required parameters, or a missing model
        outputs = {}
    if wrong := wrong_outputs(outputs):
        raise PluginError(f"'outputs' returned '{wrong!r:.60}', which are not names with media types.")
    schemas = processor.params_type.model_json_schema(), processor.result_type.model_json_schema(mode="serialization")
    json.dumps((text, outputs, schemas), allow_nan=False, ensure_ascii=False).encode()
    return Declaration(
        name=processor.name,
        summary=text.split("\n", 1)[0],
        description=text,
        version=processor.version,
        distribution=distribution,
        accepts=list(processor.accepts),
        source_optional=processor.source_optional,
        outputs=outputs,
        params=schemas[0],
        result=schemas[1],
    )


def read(folder: Path, only: Iterable[str] | None) -> Catalogue:
    """The catalogue of the installed plugins, from a cache in `folder` unless the installed packages have changed.

    Reading the cache does not import plugins or pydantic, which keeps `avstudio --help` fast.
    """
    path = folder / f"catalogue-{_installation(only)}.json"
    found = _cached(path)
    if found is None:
        found = _of_installed(only)
        _keep(path, found)
    return found[0]


def collected(plugins: Plugins, shelf: InstalledShelf) -> Catalogue:
    """The catalogue of plugins that are loaded."""
    processors, broken = {}, {}
    for name, kind in sorted(plugins.kind("processors").items()):
        plugin = plugins.distribution_of(kind)
        try:
            made = plugins.make(kind, shelf)
            distribution = plugin.distribution if plugin else ""
            processors[name] = plugins.guard(kind).call(f"The declaration of '{name}'", declare, made, distribution)
        except AVStudioError as error:
            broken[name] = str(error)
    for refused in plugins.refused.values():
        broken |= refused
    weights: dict[str, list[str]] = {}
    for one in shelf.all():
        weights.setdefault(one.family, []).append(one.name)
    return Catalogue(processors, weights, plugins.broken | broken)


def _of_installed(only: Iterable[str] | None) -> tuple[Catalogue, dict[str, int]]:
    """The catalogue of installed plugins, with the times of their source files."""
    from avstudio_core.models.shelf import InstalledShelf
    from avstudio_core.plugins import Plugins
    from avstudio_core.settings_sources import load

    settings = load({})
    plugins = Plugins(settings.home)
    plugins.discover(None if only is None else set(only))
    found = collected(plugins, InstalledShelf(plugins, settings))
    modules = {plugin.module for plugin in plugins.installed.values()}
    return found, {str(path): path.stat().st_mtime_ns for module in modules for path in _files(module)}


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


def _installation(only: Iterable[str] | None) -> str:
    """A fingerprint of the installed packages: installing or removing one changes the time of their folder."""
    folders = [path for path in sys.path if path and os.path.isdir(path)]
    changed = [(path, os.stat(path).st_mtime_ns) for path in folders]
    stamp = (FORMAT, sys.version, sorted(only) if only is not None else None, changed)
    return hashlib.sha256(repr(stamp).encode()).hexdigest()[:24]


def _cached(path: Path) -> tuple[Catalogue, dict[str, int]] | None:
    try:
        content = json.loads(path.read_bytes())
        for source, changed in content["sources"].items():
            if os.stat(source).st_mtime_ns != changed:
                return None
        processors = {name: Declaration(**value) for name, value in content["processors"].items()}
        return Catalogue(processors, content["weights"], content["broken"]), content["sources"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(path: Path, found: tuple[Catalogue, dict[str, int]]) -> None:
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
