"""Model files: their folder, and fetching them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_core.errors import WeightsMissing
from avstudio_server.cli.terminal.display import Display
from avstudio_server.cli.terminal.displays import display

if TYPE_CHECKING:
    from avstudio_core.models.shelf import InstalledShelf


def folder_of(shelf: InstalledShelf, name: str) -> Path:
    """The folder of installed weights, verified. Raises `WeightsMissing`, `NotFound`, `CorruptFile`."""
    if shelf.place(name) == "hub":
        raise WeightsMissing(f"The weights '{name}' are not installed.", hint=f"Fetch the weights '{name}'.")
    return shelf.folder(name)


def pulled(shelf: InstalledShelf, names: Sequence[str], *, quiet: bool) -> dict[str, Path]:
    """Fetch the weights that are missing, with a bar for each, and return the folder of each."""
    for name in names:
        shelf.find(name)
    folders = {}
    with display({name: name for name in names}, quiet=quiet) as shown:
        for name in names:
            shown.begin(name)
            folders[name] = shelf.pull(name, partial(_moved, shown, name))
            shown.end(name, "here", done=True)
    return folders


def _moved(shown: Display, name: str, fraction: float) -> None:
    shown.move(name, 100.0 * fraction, "fetching")
