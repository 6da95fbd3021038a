"""Effects on colours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from avstudio_core.errors import InvalidInput
from avstudio_video.effects.effect import Effect, TimedFilter
from avstudio_video.effects.planes import levels
from avstudio_video.effects.streams import Clip, Frames, Shown
from avstudio_video.encoding.tone_map import SDR, ToneMap
from avstudio_video.media.colours import HLG, PQ

if TYPE_CHECKING:
    from avstudio_video.effects.materials import Materials
    from avstudio_video.effects.wires import Pin, Wires

NEUTRAL = 6500
"""Kelvin of light that changes nothing."""


class Color(TimedFilter):
    """Changes brightness, contrast, saturation, gamma, hue, temperature, exposure and vibrance, in this order."""

    type: Literal["color"] = "color"
    brightness: float = Field(default=0.0, ge=-1, le=1, description="Added to luma; 1 is the whole range.")
    contrast: float = Field(default=1.0, ge=0, le=3, description="Factor of luma around mid-grey.")
    saturation: float = Field(default=1.0, ge=0, le=3, description="Factor of colour; 0 is grey.")
    gamma: float = Field(default=1.0, ge=0.1, le=5, description="Above 1, mid-greys are brighter.")
    hue: float = Field(default=0.0, ge=-180, le=180, description="Turn of all hues.", json_schema_extra={"unit": "°"})
    temperature: float = Field(
        default=NEUTRAL,
        ge=1000,
        le=40_000,
        description="Of the light; lower is warmer.",
        json_schema_extra={"unit": "K"},
    )
    exposure: float = Field(default=0.0, ge=-3, le=3, description="Exposure.", json_schema_extra={"unit": "EV"})
    vibrance: float = Field(default=0.0, ge=-2, le=2, description="Saturation of pale colours.")

    def wire(self, wires: Wires, materials: Materials) -> Pin:
        pin = self._levels(wires)
        if self.hue:
            pin = wires.add("hue", pin, h=self.hue)
        if self.temperature != NEUTRAL:
            pin = wires.add("colortemperature", pin, temperature=self.temperature)
        if self.exposure:
            pin = wires.add("exposure", pin, exposure=self.exposure)
        if self.vibrance:
            pin = wires.add("vibrance", pin, intensity=self.vibrance, alternate=int(self.vibrance > 0))
        return pin

    def _levels(self, wires: Wires) -> Pin:
        if (self.brightness, self.contrast, self.saturation, self.gamma) == (0, 1, 1, 1):
            return wires.source
        low, high, middle, most = levels(wires.clip)
        part = f"clip(((val-{low})/{high - low}-0.5)*{self.contrast}+0.5+{self.brightness},0,1)"
        luma = f"{low}+{high - low}*pow({part},{1 / self.gamma})"
        colour = f"clip((val-{middle})*{self.saturation}+{middle},{2 * middle - most},{most})"
        return wires.add("lutyuv", wires.source, y=f"round({luma})", u=f"round({colour})", v=f"round({colour})")


class Lut(TimedFilter):
    """Maps colours by a table in a .cube file, which the parameter 'lut' gives."""

    type: Literal["lut"] = "lut"
    strength: float = Field(default=1.0, ge=0, le=1, description="Part of the way to the colours of the table.")

    def wire(self, wires: Wires, materials: Materials) -> Pin:
        from avstudio_video.effects.cube import Cube

        if materials.lut is None:
            raise InvalidInput("The effect 'lut' has no file.", hint="Give a .cube file with the parameter 'lut'.")
        cube = Cube.read(materials.lut)
        path = materials.new_path(f"{self.strength:g}.cube")
        path.write_text(cube.written(self.strength), encoding="ascii")
        if cube.dimensions == 1:
            return wires.add("lut1d", wires.source, file=path, interp="linear")
        return wires.add("lut3d", wires.source, file=path, interp="tetrahedral")


def is_hdr(clip: Clip) -> bool:
    """Whether its colours are those of HDR: PQ or HLG."""
    return clip.tags.transfer in (PQ, HLG)


class Tonemap(Effect):
    """Converts HDR to the light and the colours of usual screens (BT.709); other videos stay as they are."""

    type: Literal["tonemap"] = "tonemap"

    def after(self, clip: Clip) -> Clip:
        if not is_hdr(clip):
            return clip
        return replace(clip, tags=SDR, pixels=clip.pixels.removesuffix("10le"))

    def pictures(self, frames: Frames, clip: Clip, materials: Materials) -> Iterator[Shown]:
        if not is_hdr(clip):
            yield from frames()
            return
        tones: ToneMap | None = None
        for shown in frames():
            tones = tones or ToneMap(shown.frame, self.after(clip).pixels, materials.peak)
            yield shown.with_frame(tones.of(shown.frame))
