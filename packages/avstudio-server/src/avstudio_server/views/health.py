"""Whether a studio can work, by component, as data."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import AVStudioError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from avstudio_core import Health, Studio

PACKAGES_CHANGED = "packages_changed"
"""The code of the warning that a process has earlier code than what is installed."""
LEAST_FREE = 100 * 2**20
"""A disk with fewer free bytes is as good as full."""


def health_data(studio: Studio) -> dict[str, dict[str, Any]]:
    """Each component: whether it is `ok`, else why not, and facts about it."""
    try:
        found = studio.health()
    except (AVStudioError, OSError) as error:
        return {"database": _component(str(error))}
    return {
        "database": _component(str(found.outage or ""), tasks={str(one): count for one, count in found.tasks.items()}),
        "disk": _disk(found),
        "workers": _component("" if found.working else "The studio does not run tasks."),
        "models": _component("", budget_mb=found.budget_mb, loaded_mb=sum(found.loaded.values())),
        "packages": _packages(found),
    }


def _disk(found: Health) -> dict[str, Any]:
    little = found.free_bytes < LEAST_FREE
    return _component("The disk of the data folder is full." if little else "", free_bytes=found.free_bytes)


def _packages(found: Health) -> dict[str, Any]:
    """The packages that were installed since this process was started: they do not stop it, but should end it."""
    later = found.outdated.get(os.getpid())
    return _component("", warning=PACKAGES_CHANGED, installed=list(later)) if later else _component("")


def outdated_data(found: Health) -> list[dict[str, Any]]:
    """Each process that should be started again, and why."""
    return [
        {"warning": PACKAGES_CHANGED, "pid": pid, "what": outdated_text(f"The process {pid}", later)}
        for pid, later in found.outdated.items()
    ]


def outdated_text(who: str, later: Iterable[str]) -> str:
    """That a process has earlier code, and what to do."""
    packages = ", ".join(f"'{one}'" for one in later)
    return f"{who} was started before the installation of {packages}, and runs the earlier code: start it again."


def _component(problem: str, **facts: Any) -> dict[str, Any]:
    return {"ok": not problem, "problem": problem, "facts": facts}
