"""Fades of picture and sound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from avstudio_core.time_param import Time
from avstudio_video.effects.effect import SECONDS, Effect
from avstudio_video.effects.level import times_of
from avstudio_video.effects.looks import Colour, rgb
from avstudio_video.effects.planes import copy_of, flat_colour, planes_of
from avstudio_video.effects.streams import Blocks, Clip, Frames, Heard, Shown, SoundShape

if TYPE_CHECKING:
    from avstudio_video.effects.materials import Materials

LONGEST = 30


class Fade(Effect):
    """Fades in from a colour and from silence, and out to them."""

    type: Literal["fade"] = "fade"
    fade_in: Time = Field(default=1.0, le=LONGEST, description="Time at the start.", json_schema_extra=SECONDS)
    fade_out: Time = Field(default=1.0, le=LONGEST, description="Time at the end.", json_schema_extra=SECONDS)
    color: Colour = Field(default="black", description="Colour before and after.")
    audio: bool = Field(default=True, description="Fade the sound, too.")

    def pictures(self, frames: Frames, clip: Clip, materials: Materials) -> Iterator[Shown]:
        import numpy as np

        colour = flat_colour(rgb(self.color), clip)
        for shown in frames():
            opacity = self._opacity(float(shown.start), float(clip.length))
            if opacity >= 1:
                yield shown
                continue
            frame = copy_of(shown.frame)
            for plane, value in zip(planes_of(frame), colour, strict=True):
                plane[:] = np.rint(value + (plane.astype(np.float32) - value) * opacity)
            yield shown.with_frame(frame)

    def _opacity(self, time: float, length: float) -> float:
        begun = time / self.fade_in if self.fade_in else 1.0
        left = (length - time) / self.fade_out if self.fade_out else 1.0
        return max(0.0, min(1.0, begun, left))

    def sound(self, blocks: Blocks, shape: SoundShape, materials: Materials) -> Iterator[Heard]:
        import numpy as np

        for block in blocks():
            if not self.audio:
                yield block
                continue
            time = shape.clip.times(times_of(block), backwards=block.since > block.until)
            begun = time / self.fade_in if self.fade_in else np.ones_like(time)
            left = (float(shape.clip.length) - time) / self.fade_out if self.fade_out else np.ones_like(time)
            yield replace(block, samples=(block.samples * np.clip(np.minimum(begun, left), 0, 1)).astype(np.float32))
