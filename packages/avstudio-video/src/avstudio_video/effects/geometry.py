"""Effects on the size and the position of the picture."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from avstudio_core.errors import InvalidInput
from avstudio_core.refusal import refusal
from avstudio_video.effects.effect import LARGEST, PIXELS, Filtered
from avstudio_video.effects.looks import Aspect, Colour, ffmpeg_colour, ratio_of

if TYPE_CHECKING:
    from avstudio_video.effects.materials import Materials
    from avstudio_video.effects.streams import Clip
    from avstudio_video.effects.wires import Pin, Wires

Anchor = Literal["center", "top", "bottom", "left", "right", "top_left", "top_right", "bottom_left", "bottom_right"]
SMALLEST = 16
FLAGS = "lanczos+accurate_rnd+full_chroma_int"


def even(value: float) -> int:
    """The nearest even number, at least 2: pictures whose colour has half the size need it."""
    return max(2, 2 * round(value / 2))


def place(anchor: Anchor, inner: tuple[int, int], outer: tuple[int, int]) -> tuple[int, int]:
    """Where a smaller picture lies on a larger one, in even pixels."""
    part = {"left": 0.0, "top": 0.0, "right": 1.0, "bottom": 1.0}
    x = next((part[word] for word in anchor.split("_") if word in ("left", "right")), 0.5)
    y = next((part[word] for word in anchor.split("_") if word in ("top", "bottom")), 0.5)
    return (int((outer[0] - inner[0]) * x) // 2 * 2, int((outer[1] - inner[1]) * y) // 2 * 2)


class Crop(Filtered):
    """Cuts the picture to a part of it."""

    type: Literal["crop"] = "crop"
    aspect: Aspect | None = Field(default=None, description="Proportions of the part, such as '9:16'.")
    width: int | None = Field(default=None, ge=2, le=LARGEST, description="Width.", json_schema_extra=PIXELS)
    height: int | None = Field(default=None, ge=2, le=LARGEST, description="Height.", json_schema_extra=PIXELS)
    x: int | None = Field(default=None, ge=0, le=LARGEST, description="Left edge.", json_schema_extra=PIXELS)
    y: int | None = Field(default=None, ge=0, le=LARGEST, description="Upper edge.", json_schema_extra=PIXELS)
    anchor: Anchor = Field(default="center", description="The part that is kept, without 'x' and 'y'.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not (self.aspect or self.width or self.height):
            raise refusal("The effect 'crop' does not have a size", "Give 'aspect', or 'width' and 'height'.")
        return self

    def box(self, clip: Clip) -> tuple[int, int, int, int]:
        """x, y, width and height. Raises `InvalidInput` outside the picture."""
        width, height = self.width or clip.width, self.height or clip.height
        if self.aspect:
            across, down = ratio_of(self.aspect)
            factor = min(width / across, height / down)
            width, height = min(even(across * factor), width), min(even(down * factor), height)
        x, y = place(self.anchor, (width, height), (clip.width, clip.height))
        x, y = x if self.x is None else self.x, y if self.y is None else self.y
        if x < 0 or y < 0 or x + width > clip.width or y + height > clip.height:
            message = (
                f"The part '{x},{y} {width}x{height}' is outside the picture of {clip.width}x{clip.height} pixels."
            )
            raise InvalidInput(message, hint="Give a smaller part, in pixels of the upright picture.")
        return x, y, width, height

    def after(self, clip: Clip) -> Clip:
        _, _, width, height = self.box(clip)
        return replace(clip, width=width, height=height)

    def wire(self, wires: Wires, materials: Materials) -> Pin:
        x, y, width, height = self.box(wires.clip)
        return wires.add("crop", wires.source, x=x, y=y, out_w=width, out_h=height, exact=1)


class Scale(Filtered):
    """Scales the picture, with its proportions unless `fit` is `stretch`."""

    type: Literal["scale"] = "scale"
    width: int | None = Field(default=None, ge=SMALLEST, le=LARGEST, description="Width.", json_schema_extra=PIXELS)
    height: int | None = Field(default=None, ge=SMALLEST, le=LARGEST, description="Height.", json_schema_extra=PIXELS)
    fit: Literal["contain", "cover", "stretch", "pad", "blur"] = Field(
        default="contain",
        description="Within the size; filling it, cut; distorted; or with bars of a colour, or of itself blurred.",
    )
    background: Colour = Field(default="black", description="Colour of the bars.")
    upscale: bool = Field(default=False, description="Allow a picture larger than the source.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not (self.width or self.height):
            raise refusal("The effect 'scale' does not have a size", "Give 'width' or 'height', or both.")
        if not (self.width and self.height) and self.fit != "contain":
            raise refusal(f"To scale with '{self.fit}', a width and a height are needed", "Give both.")
        return self

    def inner(self, clip: Clip) -> tuple[int, int]:
        """The size to which the picture itself is scaled."""
        factors = [wanted / given for wanted, given in ((self.width, clip.width), (self.height, clip.height)) if wanted]
        if self.fit == "stretch" and self.width and self.height:
            return self.width, self.height
        factor = max(factors) if self.fit == "cover" else min(factors)
        if not self.upscale and self.fit != "cover":
            factor = min(factor, 1.0)
        size = even(clip.width * factor), even(clip.height * factor)
        return (max(size[0], self.width or 0), max(size[1], self.height or 0)) if self.fit == "cover" else size

    def after(self, clip: Clip) -> Clip:
        inner = self.inner(clip)
        if self.fit in ("contain", "stretch") or not (self.width and self.height):
            return replace(clip, width=inner[0], height=inner[1])
        return replace(clip, width=self.width, height=self.height)

    def wire(self, wires: Wires, materials: Materials) -> Pin:
        width, height = self.inner(wires.clip)
        outer = self.after(wires.clip)
        back, front = wires.split(wires.source) if self.fit == "blur" else (wires.source, wires.source)
        scaled = wires.add("scale", front, w=width, h=height, flags=FLAGS)
        if self.fit == "cover":
            x, y = place("center", (outer.width, outer.height), (width, height))
            return wires.add("crop", scaled, x=x, y=y, out_w=outer.width, out_h=outer.height, exact=1)
        if self.fit == "pad":
            return padded(wires, scaled, (width, height), outer, self.background)
        if self.fit == "blur":
            return on_blurred(wires, back, scaled, (width, height), outer)
        return scaled


class Pad(Filtered):
    """Puts the picture on a larger one: with bars of a colour, or of the blurred picture."""

    type: Literal["pad"] = "pad"
    aspect: Aspect | None = Field(default=None, description="Proportions of the larger picture, such as '1:1'.")
    width: int | None = Field(default=None, ge=2, le=LARGEST, description="Width.", json_schema_extra=PIXELS)
    height: int | None = Field(default=None, ge=2, le=LARGEST, description="Height.", json_schema_extra=PIXELS)
    background: Literal["blur"] | Colour = Field(default="black", description="Colour of the bars, or 'blur'.")
    anchor: Anchor = Field(default="center", description="Where the picture lies.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not (self.aspect or self.width or self.height):
            raise refusal("The effect 'pad' does not have a size", "Give 'aspect', or 'width' and 'height'.")
        return self

    def after(self, clip: Clip) -> Clip:
        width, height = max(self.width or 0, clip.width), max(self.height or 0, clip.height)
        if self.aspect:
            across, down = ratio_of(self.aspect)
            factor = max(width / across, height / down)
            width, height = max(even(across * factor), width), max(even(down * factor), height)
        if max(width, height) > LARGEST:
            raise InvalidInput(f"A picture of {width}x{height} pixels is too large.", hint="Scale it first.")
        return replace(clip, width=width, height=height)

    def wire(self, wires: Wires, materials: Materials) -> Pin:
        inner, outer = (wires.clip.width, wires.clip.height), self.after(wires.clip)
        if self.background == "blur":
            back, front = wires.split(wires.source)
            return on_blurred(wires, back, front, inner, outer)
        return padded(wires, wires.source, inner, outer, self.background, self.anchor)


def padded(wires: Wires, pin: Pin, inner: tuple[int, int], outer: Clip, colour: str, anchor: Anchor = "center") -> Pin:
    """A picture with bars of a colour around it."""
    x, y = place(anchor, inner, (outer.width, outer.height))
    return wires.add("pad", pin, width=outer.width, height=outer.height, x=x, y=y, color=ffmpeg_colour(colour))


def on_blurred(wires: Wires, back: Pin, front: Pin, inner: tuple[int, int], outer: Clip) -> Pin:
    """A picture on a blurred copy of itself that fills the rest."""
    given = wires.clip
    factor = max(outer.width / given.width, outer.height / given.height)
    size = max(even(given.width * factor), outer.width), max(even(given.height * factor), outer.height)
    small = [even(side / 4) for side in size]  # blurred at a quarter of the size, which looks the same
    soft = wires.add("scale", back, w=small[0], h=small[1], flags="area")
    soft = wires.add("gblur", soft, sigma=max(1.0, min(small) / 24), steps=2)
    soft = wires.add("scale", soft, w=size[0], h=size[1], flags="bicubic")
    x, y = place("center", (outer.width, outer.height), size)
    cut = wires.add("crop", soft, x=x, y=y, out_w=outer.width, out_h=outer.height, exact=1)
    at = place("center", inner, (outer.width, outer.height))
    kind = given.pixels.removesuffix("le").replace("p10", "!").rstrip("p").replace("!", "p10")
    return wires.add("overlay", cut, front, x=at[0], y=at[1], format=kind, eof_action="endall")


class Rotate(Filtered):
    """Turns the picture clockwise; by other angles than quarters, on a larger picture that has all of it."""

    type: Literal["rotate"] = "rotate"
    degrees: float = Field(ge=-360, le=360, description="Angle, clockwise.", json_schema_extra={"unit": "°"})
    background: Colour = Field(default="black", description="Colour of the corners.")
    expand: bool = Field(default=True, description="Enlarge the picture so that nothing of it is cut.")

    def after(self, clip: Clip) -> Clip:
        from math import cos, radians, sin

        if self.degrees % 180 == 90:
            return replace(clip, width=clip.height, height=clip.width)
        if self.degrees % 90 == 0 or not self.expand:
            return clip
        angle = radians(self.degrees)
        width = abs(clip.width * cos(angle)) + abs(clip.height * sin(angle))
        height = abs(clip.width * sin(angle)) + abs(clip.height * cos(angle))
        return replace(clip, width=even(width + 0.5), height=even(height + 0.5))

    def wire(self, wires: Wires, materials: Materials) -> Pin:
        from math import radians

        turns = self.degrees % 360
        if turns % 90 == 0:
            return turned(wires, wires.source, int(turns))
        outer = self.after(wires.clip)
        angle = radians(self.degrees)
        return wires.add(
            "rotate",
            wires.source,
            angle=angle,
            out_w=outer.width,
            out_h=outer.height,
            fillcolor=ffmpeg_colour(self.background),
        )


def turned(wires: Wires, pin: Pin, degrees: int) -> Pin:
    """A picture turned clockwise by a multiple of 90 degrees."""
    if degrees == 180:
        return wires.add("vflip", wires.add("hflip", pin))
    return wires.add("transpose", pin, dir={90: "clock", 270: "cclock"}[degrees]) if degrees else pin


class Flip(Filtered):
    """Mirrors the picture."""

    type: Literal["flip"] = "flip"
    direction: Literal["horizontal", "vertical"] = Field(
        default="horizontal", description="Exchange left and right, or above and below."
    )

    def wire(self, wires: Wires, materials: Materials) -> Pin:
        return wires.add("hflip" if self.direction == "horizontal" else "vflip", wires.source)
