"""The conversion of HDR to the colours and the light of usual screens (BT.709)."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

from avstudio_video.encoding.colour_tags import BT709, FULL, GBR, LIMITED, MATRICES, RANGES, ColourTags
from avstudio_video.media.colours import HLG, PQ
from avstudio_video.media.hdr_notes import LUMINANCE, HdrNotes

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    Light = NDArray[np.float64]

SDR = ColourTags(BT709, BT709, BT709, LIMITED)
BT2020 = 9
WHITE = 203.0
"""cd/m² of white on a usual screen, and of white paper in HDR (ITU-R BT.2408)."""
USUAL_PEAK, HIGHEST = 1000.0, 10_000.0
"""cd/m² of the brightest pixel of a file that does not state it, and of PQ."""
STEPS = 64
"""Levels of each component in the table of colours, between which the filter interpolates."""
TO_BT709 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))
"""Light of BT.2020 in the primaries of BT.709 (ITU-R BT.2407)."""
LUMA = (0.2627, 0.6780, 0.0593)
DEEP = "gbrp16le"
"""The pixel format of frames that are scaled or converted afterwards."""
EXACT = "gbrpf32le"
"""That of the table: of planes of integers, FFmpeg's filter takes one component for another."""


def peak_of(frame: VideoFrame) -> float:
    """cd/m² of the brightest pixel of a video: as its frame states it, or of the display of its mastering."""
    if int(frame.color_trc) == HLG:
        return USUAL_PEAK
    notes = HdrNotes.of(frame)
    content, mastered = notes.light[0] if notes.light else 0, notes.luminance[0] / LUMINANCE if notes.luminance else 0
    return min(HIGHEST, max(WHITE, content or mastered or USUAL_PEAK))


class ToneMap:
    """Converts frames of one shape, one by one: highlights are compressed to white, and are not cut off.

    The curve is the EETF of ITU-R BT.2390, of the brightest component, so that hues stay. What the primaries of BT.709
    cannot show becomes paler at the same luminance.
    """

    def __init__(self, frame: VideoFrame, pixels: str, peak: float | None = None) -> None:
        """`frame` is one of them; the new ones have FFmpeg's pixel format `pixels`. `peak` is in cd/m2."""
        from av.filter import Graph

        self._graph: Any = Graph()
        self._graph.threads = 1
        self._given, self._shape = _matrix_and_range(frame), (frame.width, frame.height, frame.format.name)
        self._count = 0
        self._source = self._buffer(*self._shape, *self._given)
        table = table_of(int(frame.color_trc), peak or peak_of(frame))
        colours = self._buffer(table.width, table.height, EXACT, GBR, FULL)
        deep, mapped = self._add("format", pix_fmts=EXACT), self._add("haldclut")
        made = self._add("scale", out_color_matrix="bt709", out_range="limited") if pixels != DEEP else None
        self._source.link_to(deep)
        deep.link_to(mapped)
        colours.link_to(mapped, 0, 1)
        end, self._sink = self._add("format", pix_fmts=pixels), self._add("buffersink")
        for one, other in zip([mapped, made or end, end], [made or end, end, self._sink], strict=True):
            if one is not other:
                one.link_to(other)
        self._graph.configure()
        colours.push(table)
        colours.push(None)

    def _add(self, name: str, **values: Any) -> Any:
        return self._graph.add(name, **{key: str(value) for key, value in values.items()})

    def _buffer(self, width: int, height: int, pixels: str, matrix: int, span: int) -> Any:
        size = {"width": width, "height": height, "pix_fmt": pixels, "time_base": "1/25"}
        return self._add("buffer", **size, colorspace=MATRICES[matrix], range=RANGES[span])

    def of(self, frame: VideoFrame) -> VideoFrame:
        """A frame as a usual screen shows it, with the same time."""
        if (frame.width, frame.height, frame.format.name) != self._shape:
            frame = frame.reformat(*self._shape)
        time = frame.pts, frame.time_base
        frame.pts, frame.time_base = self._count, Fraction(1, 25)
        frame.colorspace, frame.color_range = self._given
        self._count += 1
        self._source.push(frame)
        made: VideoFrame = self._sink.pull()
        made.pts = frame.pts = time[0]
        if time[1] is not None:
            made.time_base = frame.time_base = time[1]
        SDR.put_on(made)
        return made


def _matrix_and_range(frame: VideoFrame) -> tuple[int, int]:
    if frame.format.is_rgb:
        return GBR, FULL
    tags = ColourTags.of(frame)
    return tags.matrix if tags.matrix in MATRICES else BT2020, tags.range


@cache
def table_of(transfer: int, peak: float) -> VideoFrame:
    """The new colour of each old one, as FFmpeg's filter `haldclut` reads it."""
    import av
    import numpy as np

    levels = np.linspace(0, 1, STEPS)
    blue, green, red = np.meshgrid(levels, levels, levels, indexing="ij")
    side = round(STEPS**1.5)
    colours = mapped(np.stack([red, green, blue], -1), transfer, peak).reshape(side, side, 3)
    table = av.VideoFrame.from_ndarray(np.rint(colours * 65535).astype(np.uint16), "rgb48le").reformat(format=EXACT)
    table.pts, table.time_base = 0, Fraction(1, 25)
    return table


def mapped(rgb: Light, transfer: int, peak: float) -> Light:
    """Levels of BT.709 from 0 to 1, of levels of BT.2020 in PQ or HLG, `(..., 3)`."""
    import numpy as np

    given = _light_of_pq(rgb) if transfer == PQ else _light_of_hlg(rgb)
    light = given @ np.array(TO_BT709).T
    brightest = np.maximum(light.max(-1, keepdims=True), 1e-6)
    factor = _compressed(brightest, peak) / brightest / WHITE
    light, luminance = light * factor, (given @ np.array(LUMA))[..., None] * factor
    below = luminance - light.min(-1, keepdims=True)
    paler = np.minimum(1, luminance / np.maximum(below, 1e-9))
    return np.asarray(np.clip(luminance + paler * (light - luminance), 0, 1) ** (1 / 2.4))


def _compressed(light: Light, peak: float) -> Light:
    """Light up to white, in cd/m2, of light up to a peak: the EETF of ITU-R BT.2390."""
    import numpy as np

    if peak <= WHITE:
        return np.minimum(light, WHITE)
    most = _pq_of_light(np.array(peak))
    level, white = np.minimum(_pq_of_light(light) / most, 1), _pq_of_light(np.array(WHITE)) / most
    knee = 1.5 * white - 0.5
    part = np.maximum(level - knee, 0) / (1 - knee)
    curve = (2 * part**3 - 3 * part**2 + 1) * knee + (part**3 - 2 * part**2 + part) * (1 - knee)
    bent = curve + (3 * part**2 - 2 * part**3) * white
    return _light_of_pq(np.where(level < knee, level, bent) * most)


def _pq_of_light(light: Light) -> Light:
    """SMPTE ST 2084."""
    power = (light / HIGHEST) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def _light_of_pq(level: Light) -> Light:
    import numpy as np

    power = level ** (1 / 78.84375)
    base = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
    return np.asarray(HIGHEST * base ** (1 / 0.1593017578125))


def _light_of_hlg(level: Light) -> Light:
    """Light on a display of 1000 cd/m2 (ITU-R BT.2100)."""
    import numpy as np

    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(level <= 0.5, level**2 / 3, (np.exp((level - c) / a) + b) / 12)
    luminance = np.maximum((scene @ np.array(LUMA))[..., None], 1e-9)
    return np.asarray(USUAL_PEAK * luminance**0.2 * scene)
