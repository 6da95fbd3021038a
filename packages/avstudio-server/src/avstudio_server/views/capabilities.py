"""What a studio can do, as data."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import avstudio_core

if TYPE_CHECKING:
    from avstudio_core import Session, Studio

MEDIA = ("media_seconds", "media_mb", "media_streams", "limit_seconds")
"""The settings that limit the files and runs of everybody."""


def capabilities_data(studio: Studio) -> dict[str, Any]:
    """Processors, weights, interfaces, agents, types of events and limits. Nothing tells where things are."""
    known = studio.catalogue
    return {
        "version": avstudio_core.__version__,
        "processors": {
            name: asdict(one) | {"tool": one.tool, "arguments": one.arguments} for name, one in known.processors.items()
        },
        "weights": known.weights,
        "interfaces": {name: asdict(one) for name, one in known.interfaces.items()},
        "agents": agents_data(studio),
        "event_types": {one.name: one.help for one in studio.plugins.kind("event_types").values()},
        "limits": {name: getattr(studio.settings, name) for name in MEDIA},
    }


def agents_data(studio: Studio) -> dict[str, dict[str, Any]]:
    """The installed agents, each with its summary and the processors that its plans may use."""
    return {
        name: {"summary": (one.__doc__ or "").strip().partition("\n")[0], "abilities": [*one.abilities]}
        for name, one in studio.plugins.kind("agents").items()
    }


def language_model_names(session: Session) -> list[str]:
    """The language models that can be used now, if the principal may; none otherwise."""
    if "chat" not in session.principal.scopes:
        return []
    return list(dict.fromkeys(one.model.id for one in session.llm.models() if not one.obstacle))
