"""Pictures of any file, brought upright to one size, one pixel format and one colour space."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from avstudio_video.effects.colours import is_hdr
from avstudio_video.effects.geometry import turned
from avstudio_video.effects.streams import Clip
from avstudio_video.effects.wires import Pin, Wires
from avstudio_video.encoding.colour_tags import FULL, MATRICES, RANGES, UNKNOWN, ColourTags
from avstudio_video.encoding.pixel_formats import PLANAR, closest
from avstudio_video.encoding.tone_map import ToneMap, peak_of
from avstudio_video.media.colours import HLG, PQ, PRIMARIES, TRANSFERS

if TYPE_CHECKING:
    from av.video.format import VideoFormat
    from av.video.frame import VideoFrame

DEEP = "10le"
"""The end of the names of pixel formats in which colours are converted, so that less is rounded."""
CURVE = "bt709"
"""FFmpeg's name of the curve of light that videos without HDR have: those of the ITU are alike."""


@dataclass
class Canvas:
    """The shape to which all frames are brought: whole, with black beside them."""

    shape: Clip
    """Its components have 8 bits, or more in 16."""
    _wires: dict[Any, Wires] = field(default_factory=dict)
    _tones: dict[Any, ToneMap] = field(default_factory=dict)

    def put(self, frame: VideoFrame, rotation: int, aspect: Fraction) -> VideoFrame:
        """A frame as it is stored, upright and in the shape of the canvas; `aspect` is that of its pixels."""
        frame = self._lit(frame)
        tags = _in_filters(ColourTags.of(frame), frame.format)
        given = Clip(frame.width, frame.height, tags=tags, pixels=frame.format.name, aspect=aspect)
        turn = round(rotation / 90) * 90 % 360
        if not turn and self._fits(given):
            return frame
        if (given, turn) not in self._wires:
            self._wires[given, turn] = self._wired(given, turn)
        [made] = self._wires[given, turn].feed(frame)
        self.shape.tags.put_on(made)
        return made

    def _lit(self, frame: VideoFrame) -> VideoFrame:
        """The frame, without HDR if the canvas does not have it."""
        if int(frame.color_trc) not in (PQ, HLG) or is_hdr(self.shape):
            return frame
        form = frame.width, frame.height, frame.format.name, peak_of(frame)
        if form not in self._tones:
            self._tones[form] = ToneMap(frame, closest(PLANAR, frame.format.name))
        return self._tones[form].of(frame)

    @cached_property
    def _wanted(self) -> Clip:
        """The shape with the colours that filters give."""
        from av import VideoFormat

        return replace(self.shape, tags=_in_filters(self.shape.tags, VideoFormat(self.shape.pixels)))

    def _fits(self, given: Clip) -> bool:
        one, other = ((shape.width, shape.height, shape.pixels, shape.aspect) for shape in (given, self.shape))
        return one == other and not self._differs_in_light(given) and not self._differs_in_colour(given)

    def _differs_in_light(self, given: Clip) -> bool:
        """Whether only one of both is HDR, or is HDR of another kind."""
        one, other = (shape.tags.transfer if is_hdr(shape) else UNKNOWN for shape in (given, self.shape))
        return one != other

    def _differs_in_colour(self, given: Clip) -> bool:
        one, other = ((shape.matrix, shape.tags.range) for shape in (given, self._wanted))
        return one != other or len({*self._primaries(given)}) > 1

    def _primaries(self, given: Clip) -> tuple[str, str]:
        """Those of both; what is not told is not converted."""
        one, other = (PRIMARIES.get(shape.tags.primaries) for shape in (given, self.shape))
        return one or other or CURVE, other or one or CURVE

    def _wired(self, given: Clip, turn: int) -> Wires:
        """The filters for frames of one shape."""
        wires = Wires(given)
        pin = turned(wires, wires.source, -turn % 360)
        upright = given
        if turn % 180:
            upright = replace(given, width=given.height, height=given.width, aspect=1 / given.aspect)
        pin = self._coloured(wires, self._scaled(wires, pin, upright), given)
        width, height = self._size(upright)
        x, y = ((most - side) // 4 * 2 for most, side in ((self.shape.width, width), (self.shape.height, height)))
        if (width, height) != (self.shape.width, self.shape.height):
            pin = wires.add("format", pin, pix_fmts=self._padded)  # others do not have an odd side
            pin = wires.add("pad", pin, w=self.shape.width, h=self.shape.height, x=x, y=y)
        wires.finish(pin, self._wanted)
        return wires

    @property
    def _padded(self) -> str:
        """The pixel format in which black is added: one with colour for each pixel, if a side is odd."""
        odd = self.shape.width % 2 or self.shape.height % 2
        return self.shape.pixels.replace("420", "444").replace("422", "444") if odd else self.shape.pixels

    def _size(self, upright: Clip) -> tuple[int, int]:
        """The size of a whole picture on the canvas."""
        shape = self.shape
        wide = upright.width * upright.aspect / shape.aspect
        if (upright.width, upright.height) == (shape.width, shape.height) and wide == upright.width:
            return shape.width, shape.height
        if even((upright.width, upright.height)) == (shape.width, shape.height) and wide == upright.width:
            return shape.width, shape.height
        factor = min(shape.width / wide, Fraction(shape.height, upright.height))
        width, height = (max(2, round(side * factor / 2) * 2) for side in (wide, upright.height))
        return min(width, shape.width), min(height, shape.height)

    def _scaled(self, wires: Wires, pin: Pin, upright: Clip) -> Pin:
        """A picture in its size, without a last odd column or row."""
        given, (width, height) = (upright.width, upright.height), self._size(upright)
        if (width, height) == given:
            return pin
        if (width, height) == even(given) and min(given) > 1:
            return wires.add("crop", pin, w=width, h=height, x=0, y=0)
        return wires.add("scale", pin, w=width, h=height, flags="lanczos")

    def _coloured(self, wires: Wires, pin: Pin, given: Clip) -> Pin:
        """A picture in the colours of the canvas."""
        shape, (primaries, wanted) = self._wanted, self._primaries(given)
        matrix, span = MATRICES[shape.matrix], RANGES[shape.tags.range]
        lit = self._differs_in_light(given)
        if lit or not given.pixels.startswith("yuv"):
            curve = TRANSFERS[shape.tags.transfer] if is_hdr(shape) else CURVE
            light = {"out_transfer": curve, "out_primaries": wanted} if lit else {}
            pin = wires.add("scale", pin, out_color_matrix=matrix, out_range=span, **light)
            left = UNKNOWN if lit else given.tags.primaries
            given = replace(given, tags=replace(shape.tags, matrix=shape.matrix, primaries=left))
        if not self._differs_in_colour(given):
            return pin
        planar = closest(PLANAR, given.pixels).removesuffix(DEEP)
        pin = wires.add("format", pin, pix_fmts=planar + DEEP)
        known = {"ispace": MATRICES[given.matrix], "irange": RANGES[given.tags.range], "iprimaries": primaries}
        new = {"space": matrix, "range": span, "primaries": wanted}
        return wires.add("colorspace", pin, itrc=CURVE, trc=CURVE, **known, **new)


def _in_filters(tags: ColourTags, pixels: VideoFormat) -> ColourTags:
    """The colours of a pixel format for FFmpeg's filters, in which grey and RGB always have the full range."""
    return replace(tags, range=FULL) if pixels.is_rgb or len(pixels.components) < 3 else tags


def even(size: tuple[int, int]) -> tuple[int, int]:
    """The size without its last odd column and row, which most pixel formats cannot have."""
    return max(2, size[0] // 2 * 2), max(2, size[1] // 2 * 2)
