"""The names of language models that are known without asking a server, read quickly for shell completion."""

from __future__ import annotations

import tomllib
from pathlib import Path

SHIPPED = Path(__file__).with_name("models.toml")


def model_names(own: Path) -> list[str]:
    """The models that the user's file `own` and the built-in file list; a file that cannot be read lists none."""
    return [*dict.fromkeys(name for file in (own, SHIPPED) for name in _listed(file) if not is_pattern(name))]


def is_pattern(name: str) -> bool:
    """Whether a section is for all models whose name it matches."""
    return any(sign in name for sign in "*?[")


def _listed(file: Path) -> list[str]:
    try:
        models = tomllib.loads(file.read_text(encoding="utf-8")).get("models", {})
    except (OSError, ValueError):
        return []
    return list(models) if isinstance(models, dict) else []
