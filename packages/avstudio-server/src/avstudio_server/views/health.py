"""Whether a studio can work, by component, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from avstudio_core.errors import AVStudioError

if TYPE_CHECKING:
    from avstudio_core import Health, Studio

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
    }


def _disk(found: Health) -> dict[str, Any]:
    little = found.free_bytes < LEAST_FREE
    return _component("The disk of the data folder is full." if little else "", free_bytes=found.free_bytes)


def _component(problem: str, **facts: Any) -> dict[str, Any]:
    return {"ok": not problem, "problem": problem, "facts": facts}
