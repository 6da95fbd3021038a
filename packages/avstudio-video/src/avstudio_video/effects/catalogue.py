"""The effects that a chain may have, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, get_args

from pydantic import Field

from avstudio_video.effects import captions, colours, detail, fades, geometry, level, overlay, steadiness, times
from avstudio_video.effects.effect import Effect

MOST_EFFECTS = 64
"""In a chain."""
AnyEffect = Annotated[
    times.Trim
    | geometry.Crop
    | geometry.Scale
    | geometry.Pad
    | geometry.Rotate
    | geometry.Flip
    | times.Speed
    | times.Reverse
    | times.FrameRate
    | fades.Fade
    | colours.Color
    | colours.Lut
    | colours.Tonemap
    | detail.Denoise
    | detail.Deband
    | detail.Deinterlace
    | detail.Sharpen
    | detail.Blur
    | steadiness.Stabilize
    | overlay.Overlay
    | captions.Text
    | captions.Subtitles
    | level.Level,
    Field(discriminator="type"),
]
EFFECTS: Mapping[str, type[Effect]] = {
    one.model_fields["type"].default: one for one in get_args(get_args(AnyEffect)[0])
}
"""The types of effects, by name."""
