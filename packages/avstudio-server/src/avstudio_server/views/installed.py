"""What is installed, known without opening the data folder."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from avstudio_core import Catalogue, Settings
from avstudio_core.catalogue_cache import read
from avstudio_core.settings_sources import load

if TYPE_CHECKING:
    from avstudio_core.models.shelf import InstalledShelf
    from avstudio_core.plugins import Plugins


class Installed:
    """The settings, the catalogue, the plugins and the weights; each is read at its first use.

    An interface creates one and passes it down. A `Studio` has the same settings, plugins and shelf.
    """

    @cached_property
    def settings(self) -> Settings:
        """The settings in effect."""
        return load()

    @cached_property
    def catalogue(self) -> Catalogue:
        """The declarations of all processors, from the cache unless the installed packages have changed."""
        return read(self.settings.home / "cache", self.settings.plugin_names(), self.settings)

    @cached_property
    def plugins(self) -> Plugins:
        """The installed plugins, imported."""
        from avstudio_core.plugins import Plugins

        plugins = Plugins(self.settings.home)
        plugins.discover(self.settings.plugin_names())
        return plugins

    @cached_property
    def shelf(self) -> InstalledShelf:
        """The weights that the plugins declare."""
        from avstudio_core.models.shelf import InstalledShelf

        return InstalledShelf(self.plugins, self.settings)
