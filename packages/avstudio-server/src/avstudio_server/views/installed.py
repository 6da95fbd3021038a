"""What is installed, known without opening the data folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from avstudio_core.catalogue import Catalogue, read
from avstudio_core.settings import Settings, load

if TYPE_CHECKING:
    from avstudio_core.models.shelf import InstalledShelf
    from avstudio_core.plugins import Plugins


@cache
def settings() -> Settings:
    """The settings in force."""
    return load()


@cache
def catalogue() -> Catalogue:
    """Every processor's declaration, from the cache while nothing installed has changed."""
    return read(settings().home / "cache", settings().plugin_names())


@dataclass(frozen=True)
class Installation:
    """The plugins, imported, and the weights that they declare."""

    plugins: Plugins
    shelf: InstalledShelf


@cache
def installation() -> Installation:
    """Import the installed plugins."""
    from avstudio_core.models.shelf import InstalledShelf
    from avstudio_core.plugins import Plugins

    plugins = Plugins()
    plugins.discover(settings().plugin_names())
    return Installation(plugins, InstalledShelf(plugins, settings()))
