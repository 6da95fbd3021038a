"""Processors from their declarations, as data."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import AVStudioError, NotFound

if TYPE_CHECKING:
    from avstudio_core import Catalogue, Declaration
    from avstudio_core.models.shelf import InstalledShelf
    from avstudio_core.plugins import Plugins


def declaration_named(catalogue: Catalogue, name: str) -> Declaration:
    """The declaration of that name. Raises `NotFound`."""
    if name not in catalogue.processors:
        raise NotFound.among("processor", name, catalogue.processors, see="See the list of processors.")
    return catalogue.processors[name]


def declaration_data(declaration: Declaration, plugins: Plugins, shelf: InstalledShelf) -> dict[str, Any]:
    """The declaration, and what a run with default parameters needs on this machine."""
    names = {"tool": declaration.tool, "arguments": declaration.arguments}
    return asdict(declaration) | names | {"needs": _needs(declaration, plugins, shelf)}


def _needs(declaration: Declaration, plugins: Plugins, shelf: InstalledShelf) -> dict[str, Any]:
    """The needs, or the parameters they depend on, or why they are unknown: for example, missing weights."""
    if required := declaration.params.get("required"):
        return {"depends_on": required}
    kind = plugins.find("processors", declaration.name)
    try:
        needs: dict[str, Any] = kind(shelf).needs(kind.params_type(), None).model_dump(mode="json")
    except AVStudioError as error:
        return {"unknown": str(error)}
    except Exception as error:  # foreign code
        return {"unknown": " ".join(f"{type(error).__name__}: {error}".split())}
    return needs
