"""Effects on the detail of the picture: noise, bands, fields, sharpness."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import tee
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from avstudio_core.errors import InvalidInput
from avstudio_core.refusal import refusal
from avstudio_video.effects.effect import Filtered, Timed, TimedFilter
from avstudio_video.effects.geometry import even
from avstudio_video.effects.looks import Colour, rgb
from avstudio_video.effects.planes import blend, copy_of, flat_colour, planes_of
from avstudio_video.effects.streams import Clip, Frames, Shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from avstudio_video.effects.materials import Materials
    from avstudio_video.effects.wires import Pin, Wires

Box = tuple[int, int, int, int]
"""x, y, width and height in pixels; they are even, but for a box that ends with a picture of odd size."""


class Denoise(TimedFilter):
    """Removes noise."""

    type: Literal["denoise"] = "denoise"
    strength: Literal["light", "medium", "strong"] = Field(default="light", description="How much.")

    def wire(self, wires: Wires, materials: Materials) -> Pin:
        if self.strength == "light":
            near, far = {f"{one}a": 0.06 for one in range(3)}, {f"{one}b": 0.12 for one in range(3)}
            return wires.add("atadenoise", wires.source, **near, **far)
        return wires.add("fftdnoiz", wires.source, sigma={"medium": 5, "strong": 12}[self.strength], overlap=0.5)


class Deband(TimedFilter):
    """Smooths the steps in areas that change slowly."""

    type: Literal["deband"] = "deband"
    threshold: float = Field(default=0.02, ge=0.001, le=0.1, description="Steps up to this part of the range.")

    def wire(self, wires: Wires, materials: Materials) -> Pin:
        name = {f"{number}thr": self.threshold for number in (1, 2, 3)}
        return wires.add("deband", wires.source, **name)


class Deinterlace(Filtered):
    """Makes one frame of the two fields of each interlaced frame."""

    type: Literal["deinterlace"] = "deinterlace"
    mode: Literal["auto", "on"] = Field(default="auto", description="Frames that are marked as interlaced, or all.")

    def wire(self, wires: Wires, materials: Materials) -> Pin:
        deint = "interlaced" if self.mode == "auto" else "all"
        return wires.add("bwdif", wires.source, mode="send_frame", deint=deint)


class Sharpen(TimedFilter):
    """Makes edges clearer."""

    type: Literal["sharpen"] = "sharpen"
    amount: float = Field(default=1.0, ge=0, le=5, description="How much of the detail is added again.")

    def wire(self, wires: Wires, materials: Materials) -> Pin:
        return wires.add("unsharp", wires.source, luma_msize_x=5, luma_msize_y=5, luma_amount=self.amount)


class Blur(Timed):
    """Blurs, coarsens or covers the picture, or a region of it."""

    type: Literal["blur"] = "blur"
    sigma: float = Field(
        default=8.0,
        gt=0,
        le=100,
        description="Width of the blur, or half the size of a block.",
        json_schema_extra={"unit": "px"},
    )
    region: list[float] = Field(
        default=[0.0, 0.0, 1.0, 1.0],
        min_length=4,
        max_length=4,
        description="x, y, width and height, as parts of the picture.",
        examples=[[0.25, 0.1, 0.5, 0.3]],
    )
    shape: Literal["rect", "ellipse"] = Field(default="rect", description="Of the region.")
    style: Literal["blur", "pixelate", "fill"] = Field(default="blur", description="What happens to it.")
    color: Colour = Field(default="black", description="Colour of 'fill'.")

    def model_post_init(self, context: Any) -> None:
        super().model_post_init(context)
        x, y, width, height = self.region
        if min(x, y) < 0 or min(width, height) <= 0 or x + width > 1 or y + height > 1:
            raise refusal(
                f"The region '{','.join(f'{one:g}' for one in self.region)}' is not within the picture",
                "Give x, y, width and height from 0 to 1.",
            )

    def box(self, clip: Clip) -> Box:
        """The region in pixels."""
        x, y, width, height = self.region
        left, top = int(x * clip.width) // 2 * 2, int(y * clip.height) // 2 * 2
        right, bottom = _edge((x + width) * clip.width, clip.width), _edge((y + height) * clip.height, clip.height)
        if right <= left or bottom <= top:
            raise InvalidInput("The region to blur is smaller than two pixels.", hint="Give a larger region.")
        return left, top, right - left, bottom - top

    def pictures(self, frames: Frames, clip: Clip, materials: Materials) -> Iterator[Shown]:
        from avstudio_video.effects.wires import filtered

        box = self.box(clip)
        alpha = self._alpha(box[2], box[3])
        small = Clip(box[2], box[3], clip.rate, clip.unit, clip.tags, clip.pixels)
        whole, parts = tee(frames())
        changed = filtered(parts, clip, small, lambda wires: self._wire(wires, box))
        cover = flat_colour(rgb(self.color), clip)
        for shown, part in zip(whole, changed, strict=True):
            if not self.covers(shown):
                yield shown
                continue
            frame = copy_of(shown.frame)
            picture = planes_of(part.frame if self.style != "fill" else copy_of(part.frame))
            if self.style == "fill":
                for plane, value in zip(picture, cover, strict=True):
                    plane[:] = value
            blend(frame, picture, box[:2], alpha)
            yield shown.with_frame(frame)

    def _wire(self, wires: Wires, box: Box) -> Pin:
        margin = 0 if self.style != "blur" else int(3 * self.sigma) // 2 * 2  # so that the edge knows what is beside it
        left, top = max(box[0] - margin, 0), max(box[1] - margin, 0)
        width = min(box[0] + box[2] + margin, wires.clip.width) - left
        height = min(box[1] + box[3] + margin, wires.clip.height) - top
        pin = wires.add("crop", wires.source, x=left, y=top, out_w=width, out_h=height, exact=1)
        if self.style == "blur":
            pin = wires.add("gblur", pin, sigma=self.sigma, steps=3)
        elif self.style == "pixelate":
            side = max(2, round(2 * self.sigma))
            pin = wires.add("pixelize", pin, width=min(side, width), height=min(side, height))
        at = {"x": box[0] - left, "y": box[1] - top, "out_w": box[2], "out_h": box[3]}
        return wires.add("crop", pin, exact=1, **at)

    def _alpha(self, width: int, height: int) -> NDArray[np.float32]:
        """The opacity of what is drawn: 1 within the region."""
        import numpy as np

        if self.shape == "rect":
            return np.ones((height, width), np.float32)
        y, x = np.mgrid[0:height, 0:width]
        away = ((x + 0.5) / width * 2 - 1) ** 2 + ((y + 0.5) / height * 2 - 1) ** 2
        inside: NDArray[np.float32] = np.asarray(away <= 1, np.float32)
        return inside


def _edge(end: float, size: int) -> int:
    """An even end within a size, or the size itself, which may be odd."""
    return size if end > size - 1 else min(even(end), size)
