"""Values to suggest for a parameter that also takes others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from avstudio_core import Settings
from avstudio_server.views.installed import Installed

LANGUAGE_MODEL = "language-model"
"""The format of a parameter that names a language model."""
CHOOSE = ("auto", "auto:code", "auto:creative", "local/auto")
"""Instead of a language model's name: the router chooses one."""


def suggestions(schema: Mapping[str, Any], installed: Installed) -> list[str]:
    """The examples in a parameter's schema, the weights of its families, and language models by its format."""
    found = [str(one) for one in _list(schema.get("examples"))]
    for family in _list(schema.get("weights")):
        found += installed.catalogue.weights.get(str(family), [])
    if schema.get("format") == LANGUAGE_MODEL:
        found += language_models(installed.settings)
    return found


def language_models(settings: Settings) -> list[str]:
    """The language models that are known without asking a server."""
    from avstudio_core.gateway.models.model_names import model_names

    return [*CHOOSE, *model_names(settings.models or settings.home / "models.toml")]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
