"""The settings of effects."""

from __future__ import annotations

from avstudio_core import Setting

PLUGINS: Setting[str | None] = Setting(
    "effects_plugins", str, None, "VST3 and AU plugins that effects may load: files or folders, separated by commas."
)
