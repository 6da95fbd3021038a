"""The state of the whole installation, as data and as text."""

from __future__ import annotations

import platform
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from avstudio_core import __version__
from avstudio_core.errors import AVStudioError
from avstudio_server.cli.commands.models import state
from avstudio_server.cli.terminal.tables import size, table
from avstudio_server.views.installation import extra_data, plugin_data, setting_data, weights_data
from avstudio_server.views.installed import installation, settings

if TYPE_CHECKING:
    from avstudio_core.studio import Studio


def diagnose(*, check: bool) -> dict[str, Any]:
    """All that `avstudio doctor` tells; `check` reads every stored file."""
    return {
        "avstudio": __version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "plugins": plugin_data(),
        "extras": extra_data(),
        "weights": weights_data(),
        "backends": _backends(),
        "settings": setting_data(),
        "devices": _devices(),
        "data_folder": _data_folder(check=check),
    }


def diagnosis_text(found: dict[str, Any]) -> str:
    """The diagnosis for people."""
    return "\n".join(_lines(found))


def _devices() -> list[dict[str, Any]]:
    """The devices of this machine with their memory, in MB."""
    managers = [kind() for kind in installation().plugins.kind("memory_managers").values()]
    return [
        {"device": one.device, "total_mb": one.total_mb(), "available_mb": one.available_mb()}
        for one in managers
        if one.present()
    ]


def _backends() -> list[dict[str, Any]]:
    """The backends of language models, and what stands against using each; no server is asked."""
    from avstudio_core.studio import Studio

    try:
        with Studio(own=True) as studio:
            backends = studio.llm.gateway.backends.all()
            return [{"name": name, "obstacle": backend.obstacle()} for name, backend in backends.items()]
    except AVStudioError:  # what is wrong with the data folder is told with it
        return []


def _data_folder(*, check: bool) -> dict[str, Any]:
    from avstudio_core.studio import Studio

    home = settings().home
    found: dict[str, Any] = {"path": str(home), "checked": check, "flaws": []}
    try:
        with Studio(own=True) as studio:
            return found | _contents(studio, check=check)
    except AVStudioError as error:
        return found | {"flaws": [{"what": str(error), "cure": ""}]}


def _contents(studio: Studio, *, check: bool) -> dict[str, Any]:
    from avstudio_core.storage import sweep

    stored = [studio.store.path(sha256).stat().st_size for sha256 in studio.store.stored()]
    flaws = sweep.check(studio.tasks.database, studio.store) if check else ()
    return {
        "files": len(stored),
        "bytes": sum(stored),
        "free_bytes": shutil.disk_usage(studio.settings.home).free,
        "tasks": dict(Counter(str(task.state) for task in studio.tasks.find())),
        "budget_mb": studio.pool.budget_mb(),
        "loaded": [f"{model.lane} ({model.memory_mb} MB)" for model in studio.pool.loaded()],
        "flaws": [{"what": flaw.what, "cure": flaw.cure} for flaw in flaws],
    }


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"AV-Studio {found['avstudio']}, Python {found['python']} ({found['executable']}), {found['platform']}"
    yield from _part("Plugins", [(one["name"], one["distribution"], one["said"]) for one in found["plugins"]])
    yield from _part("Extras", [_extra(one) for one in found["extras"]])
    yield from _part("Weights", [(one["name"], one["family"], state(one)) for one in found["weights"]])
    yield from _part(
        "Devices", [(one["device"], f"{one['available_mb']} of {one['total_mb']} MB free") for one in found["devices"]]
    )
    yield from _part("Language models", [(one["name"], one["obstacle"] or "ready") for one in found["backends"]])
    yield from _part("Settings", [_setting(one) for one in found["settings"]])
    yield from _part("Data folder", _folder(found["data_folder"]))
    yield from ("", "Nothing is wrong." if not _wrong(found) else "Something is wrong:")
    yield from (f"  {line}" for line in _wrong(found))


def _part(title: str, rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield from ("", f"{title}:")
    columns = max((len(row) for row in rows), default=1)
    padded = [(*row, *[""] * (columns - len(row))) for row in rows] or [("none",)]
    yield from (f"  {line}" for line in table(padded[0], padded[1:]).splitlines())


def _extra(one: dict[str, Any]) -> tuple[str, str]:
    name = f"{one['distribution']}[{one['extra']}]"
    return name, f"missing: {', '.join(one['missing'])}. Run: {one['command']}" if one["missing"] else "installed"


def _setting(one: dict[str, Any]) -> tuple[str, str, str]:
    return one["variable"], "not set" if one["value"] is None else str(one["value"]), f"from {one['origin']}"


def _folder(one: dict[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("path", one["path"])]
    if "files" in one:
        tasks = ", ".join(f"{count} {name}" for name, count in one["tasks"].items()) or "none"
        rows.append(("files", f"{one['files']}, {size(one['bytes'])}; {size(one['free_bytes'])} free on the disk"))
        rows.append(("tasks", tasks))
        rows.append(("model memory", f"{one['budget_mb']} MB; loaded: {', '.join(one['loaded']) or 'none'}"))
        rows.append(("contents", "verified" if one["checked"] else "not verified: avstudio doctor --check"))
    return rows


def _wrong(found: dict[str, Any]) -> list[str]:
    broken = [f"Plugin '{one['name']}': {one['error']}" for one in found["plugins"] if one["error"]]
    broken += [
        f"Processor '{name}' of plugin '{one['name']}': {why}"
        for one in found["plugins"]
        for name, why in one["broken"].items()
    ]
    return broken + [f"{flaw['what']} {flaw['cure']}".strip() for flaw in found["data_folder"]["flaws"]]
