"""A chart over time: its area is an outline or an image, its labels are seconds and values."""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Outline = tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]

LEFT, RIGHT, TOP, BOTTOM = 56, 12, 10, 24
"""Margins in pixels."""
INK, GRID, PAPER, SOUND = "#3b4252", "#d8dee9", "#ffffff", "#3a6ea5"
FONT_SIZE = 12
STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
"""Distances between labels, in seconds."""
LABEL = 80
"""The least distance between labels, in pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """What a picture shows."""

    duration: float
    """The time at the right edge, in seconds."""
    ticks: tuple[tuple[float, str], ...]
    """Labels of the values: their height, 0 at the bottom to 1, and their text."""
    outline: Outline | None = None
    """The lower and upper edge of an area, from left to right, 0 to 1; NaN leaves a gap."""
    image: NDArray[np.uint8] | None = None
    """`(height, width, 3)`, in place of an outline; the top row first."""


def svg(chart: Chart, width: int, height: int) -> str:
    """The chart as SVG of a size in pixels."""
    inner, tall = width - LEFT - RIGHT, height - TOP - BOTTOM
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f'<rect width="{width}" height="{height}" fill="{PAPER}"/>',
        f'<g font-family="sans-serif" font-size="{FONT_SIZE}" fill="{INK}">',
    ]
    for start, text in _times(chart.duration, inner):
        lines.append(f'<text x="{LEFT + start:.1f}" y="{height - 7}" text-anchor="middle">{text}</text>')
    for height_of, label in chart.ticks:
        y = TOP + (1 - height_of) * tall
        lines.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
        lines.append(f'<path d="M{LEFT} {y:.1f}h{inner}" stroke="{GRID}"/>')
    lines.append("</g>")
    if chart.image is not None:
        data = base64.b64encode(_png(chart.image)).decode()
        place = f'x="{LEFT}" y="{TOP}" width="{inner}" height="{tall}" preserveAspectRatio="none"'
        lines.append(f'<image {place} href="data:image/png;base64,{data}"/>')
    elif chart.outline is not None:
        lines.extend(f'<path d="{path}" fill="{SOUND}"/>' for path in _paths(chart.outline, inner, tall))
    return "\n".join([*lines, "</svg>", ""])


def png(chart: Chart, width: int, height: int) -> bytes:
    """The chart as PNG of a size in pixels."""
    from PIL import Image, ImageDraw, ImageFont

    inner, tall = width - LEFT - RIGHT, height - TOP - BOTTOM
    picture = Image.new("RGB", (width, height), PAPER)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(FONT_SIZE)
    for height_of, label in chart.ticks:
        y = TOP + (1 - height_of) * tall
        draw.line((LEFT, y, width - RIGHT, y), fill=GRID)
        draw.text((LEFT - 6, y), label, fill=INK, font=font, anchor="rm")
    for place, text in _times(chart.duration, inner):
        draw.text((LEFT + place, height - 4), text, fill=INK, font=font, anchor="mb")
    if chart.image is not None:
        picture.paste(Image.fromarray(chart.image).resize((inner, tall), Image.Resampling.BOX), (LEFT, TOP))
    elif chart.outline is not None:
        for x, (low, high) in enumerate(zip(*_resized(chart.outline, inner), strict=True)):
            if math.isfinite(low) and math.isfinite(high):
                bottom, top = TOP + (1 - low) * (tall - 1), TOP + (1 - high) * (tall - 1)
                draw.line((LEFT + x, round(top), LEFT + x, round(bottom)), fill=SOUND)
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()


def _png(image: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", optimize=True)
    return file.getvalue()


def _times(duration: float, width: int) -> list[tuple[float, str]]:
    """The labels of time: their place in pixels, and their text."""
    if duration <= 0:
        return []
    step = next((step for step in STEPS if step / duration * width >= LABEL), STEPS[-1])
    return [(number * step / duration * width, _clock(number * step)) for number in range(int(duration / step) + 1)]


def _clock(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:g} s"
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def _resized(outline: Outline, width: int) -> Outline:
    """The outline with `width` columns: each has the lowest and the highest value in its part."""
    import numpy as np

    low, high = outline
    count = len(low)
    if not count:
        return np.full(width, np.nan, np.float32), np.full(width, np.nan, np.float32)
    starts = np.minimum(np.arange(width) * count // width, count - 1)
    return np.fmin.reduceat(low, starts), np.fmax.reduceat(high, starts)


def _paths(outline: Outline, width: int, height: int) -> list[str]:
    """The area as closed paths, one for each part without gaps."""
    import numpy as np

    low, high = _resized(outline, width)
    there = np.isfinite(low) & np.isfinite(high)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], there, [False])).astype(np.int8)))
    paths = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        over = [f"{LEFT + x} {TOP + (1 - high[x]) * height - 0.5:.1f}" for x in range(start, end)]
        under = [f"{LEFT + x} {TOP + (1 - low[x]) * height + 0.5:.1f}" for x in range(end - 1, start - 1, -1)]
        paths.append(f"M{'L'.join([*over, *under])}Z")
    return paths
