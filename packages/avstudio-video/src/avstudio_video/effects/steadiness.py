"""Effects against the motion of a hand that holds the camera."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from avstudio_core.time_param import Time
from avstudio_video.effects.effect import SECONDS, Effect
from avstudio_video.effects.streams import Clip, Frames, Shown

if TYPE_CHECKING:
    from avstudio_video.effects.materials import Materials

SIGMAS = 2.5
"""In how many widths of the Gaussian the time of smoothing is."""


class Stabilize(Effect):
    """Smooths the motion of the camera; what comes before it in the chain is computed twice."""

    type: Literal["stabilize"] = "stabilize"
    smoothing: Time = Field(
        default=1.0, ge=0.1, le=5, description="Time over which the motion is smoothed.", json_schema_extra=SECONDS
    )
    zoom: float | None = Field(
        default=None,
        ge=0,
        le=0.2,
        description="Part by which frames are enlarged; by default as much as hides borders.",
    )
    border: Literal["mirror", "black"] = Field(default="mirror", description="What is seen beyond a border.")

    @property
    def looks_ahead(self) -> bool:
        return True

    def pictures(self, frames: Frames, clip: Clip, materials: Materials) -> Iterator[Shown]:
        from avstudio_video.effects.stabilizer import CameraPath, moved, zoom_for

        path, end = CameraPath(), 0.0
        for shown in frames():
            materials.check()
            path.add(shown.frame)
            end = float(shown.end)
        correction = path.correction(max(0.5, self.smoothing * len(path.steps) / max(end, 0.001) / SIGMAS))
        zoom = zoom_for(correction, clip.width, clip.height) if self.zoom is None else 1 + self.zoom
        for by, shown in zip(correction, frames(), strict=True):
            yield shown.with_frame(moved(shown.frame, by, zoom, mirror=self.border == "mirror"))
