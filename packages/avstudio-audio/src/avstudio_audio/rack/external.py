"""Effects of other makers: plugins of the formats VST3 and AU."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from avstudio_audio.rack.effect import Effect


class External(Effect):
    """A plugin of the format VST3 or AU, which the setting 'effects_plugins' must allow."""

    type: Literal["plugin"] = "plugin"
    path: str = Field(min_length=1, max_length=4096, description="The plugin's file or folder on the studio's machine.")
    name: str | None = Field(default=None, description="Which effect, if the plugin has several.")
    values: dict[str, float | bool | str] = Field(
        default={}, description="Values of its own parameters, by the names that the plugin gives them."
    )

    def silence(self) -> float:
        return 1.0
