"""The state of the whole installation, as data."""

from __future__ import annotations

import contextlib
import platform
import sys
from typing import TYPE_CHECKING, Any

from avstudio_core import PluginError, __version__
from avstudio_server.views.health import outdated_data
from avstudio_server.views.installation import extra_data, plugin_data, settings_data, weights_data
from avstudio_server.views.licences import licence_data

if TYPE_CHECKING:
    from pathlib import Path

    from avstudio_core import Candidate, Studio
    from avstudio_core.errors import AVStudioError
    from avstudio_core.plugins import Plugins
    from avstudio_core.settings import Settings
    from avstudio_server.views.installed import Installed


def installation_data(installed: Installed) -> dict[str, Any]:
    """The part that does not need the data folder: versions, plugins, extras, weights, settings, devices."""
    return {
        "avstudio": __version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "plugins": plugin_data(installed.plugins, installed.catalogue.broken),
        "extras": extra_data(installed.plugins),
        "licences": licence_data(one.distribution for one in installed.plugins.installed.values() if one.distribution),
        "weights": weights_data(installed.shelf),
        **settings_data(installed.settings.with_declared(installed.plugins.kind("settings").values())),
        "devices": device_data(installed.plugins),
        "confinement": confinement_data(installed.settings),
    }


def confinement_data(settings: Settings) -> dict[str, str]:
    """How runs are confined here: their network, files and limits."""
    from avstudio_core.confinement.confined import means

    return means(settings)


def device_data(plugins: Plugins) -> list[dict[str, Any]]:
    """The devices of this machine with their memory, in MB."""
    from avstudio_core.models.memory import usable

    found = []
    for one in usable(plugins):
        with contextlib.suppress(PluginError):  # shown with its plugin
            if one.present():
                found.append({"device": one.device, "total_mb": one.total_mb(), "available_mb": one.available_mb()})
    return found


def backend_data(studio: Studio) -> list[dict[str, Any]]:
    """The backends of language models, each with the reason why none of its models can answer; calls their servers."""
    found: dict[str, list[Candidate]] = {name: [] for name in studio.llm.key_variables()}
    for candidate in studio.llm.models():
        found.setdefault(candidate.model.backend, []).append(candidate)
    return [_backend(name, models) for name, models in found.items()]


def _backend(name: str, models: list[Candidate]) -> dict[str, Any]:
    if not models:
        return {"name": name, "obstacle": "it has no models", "hint": ""}
    best = next((one for one in models if one.obstacle is None), models[0])
    return {"name": name, "obstacle": best.obstacle, "hint": best.hint}


def data_folder(studio: Studio, *, check: bool) -> dict[str, Any]:
    """The contents of the data folder, and with `check` what is wrong in it: every stored file is read."""
    return _described(studio.settings.home, check=check) | _contents(studio, check=check)


def broken_data_folder(home: Path, error: AVStudioError, *, check: bool) -> dict[str, Any]:
    """The same for a data folder that cannot be opened."""
    return _described(home, check=check) | {"flaws": [{"what": error.message, "cure": error.hint}]}


def _described(home: Path, *, check: bool) -> dict[str, Any]:
    return {"path": str(home), "checked": check}


def _contents(studio: Studio, *, check: bool) -> dict[str, Any]:
    health, (files, size) = studio.health(), studio.administration.stored()
    flaws = studio.administration.check() if check else ()
    return {
        "files": files,
        "bytes": size,
        "free_bytes": health.free_bytes,
        "tasks": {str(state): count for state, count in health.tasks.items()},
        "budget_mb": health.budget_mb,
        "loaded": [f"{lane} ({memory_mb} MB)" for lane, memory_mb in health.loaded.items()],
        "outdated": outdated_data(health),
        "flaws": [{"what": flaw.what, "cure": flaw.cure} for flaw in flaws],
    }
