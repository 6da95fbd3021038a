"""A contact sheet: frames in rows, each with its time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

GLYPHS = {
    "0": "### #.# #.# #.# ###",
    "1": ".#. ##. .#. .#. ###",
    "2": "### ..# ### #.. ###",
    "3": "### ..# .## ..# ###",
    "4": "#.# #.# ### ..# ..#",
    "5": "### #.. ### ..# ###",
    "6": "### #.. ### #.# ###",
    "7": "### ..# ..# .#. .#.",
    "8": "### #.# ### #.# ###",
    "9": "### #.# ### ..# ###",
    ":": "... .#. ... .#. ...",
    ".": "... ... ... ... .#.",
}
"""Characters of a time, 3 pixels wide and 5 high."""
GAP = 4
"""Pixels between frames."""
DARK, LIGHT = 24, 235


def contact_sheet(frames: Pixels, times: Sequence[float], columns: int, labels: bool) -> Pixels:
    """One picture of frames of `(frames, height, width, 3)`, in rows."""
    import numpy as np

    columns = min(columns, len(frames))
    height, width = frames.shape[1:3]
    scale = max(1, width // 120)
    strip = 7 * scale if labels else 0
    rows = math.ceil(len(frames) / columns)
    cell = height + strip + GAP, width + GAP
    sheet = np.full((rows * cell[0] + GAP, columns * cell[1] + GAP, 3), DARK, np.uint8)
    for number, (frame, time) in enumerate(zip(frames, times, strict=True)):
        top, left = GAP + number // columns * cell[0], GAP + number % columns * cell[1]
        sheet[top : top + height, left : left + width] = frame
        if labels:
            text = _text(label(time), scale)[:, :width]
            sheet[top + height + scale :, left:][: text.shape[0], : text.shape[1]] = text[..., None]
    return sheet


def label(time: float) -> str:
    """A time as people read it: `1:02:03.450`."""
    minutes, rest = divmod(round(time * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest // 1000:02}.{rest % 1000:03}"
    return f"{hours}:{minutes:02}:{seconds}" if hours else f"{minutes}:{seconds}"


def _text(text: str, scale: int) -> Pixels:
    """Light characters on dark, `(5 * scale, any)`."""
    import numpy as np

    glyphs = [np.array([[pixel == "#" for pixel in row] for row in GLYPHS[one].split()]) for one in text]
    spaced = np.concatenate([np.pad(one, ((0, 0), (0, 1))) for one in glyphs], 1)
    pixels: Pixels = np.where(spaced.repeat(scale, 0).repeat(scale, 1), LIGHT, DARK).astype(np.uint8)
    return pixels
