"""The detail of pixel formats: their bits, and how many samples of colour they have."""

from __future__ import annotations

CELL = 16
"""Pixels in a row or a column, of which samples of colour are counted."""


def is_reduced(given: str, written: str) -> bool:
    """Whether the second format, by FFmpeg's name, has fewer bits or less colour than the first."""
    return any(now < before for before, now in zip(_detail(given), _detail(written), strict=True))


def has_alpha(pixels: str) -> bool:
    """Whether a format stores how transparent pixels are."""
    from av import VideoFormat

    format = VideoFormat(pixels, CELL, CELL)
    return format.has_palette or any(one.is_alpha for one in format.components)


def _detail(pixels: str) -> tuple[int, int]:
    """The bits of a component, and the samples of colour of a cell."""
    from av import VideoFormat

    format = VideoFormat(pixels, CELL, CELL)
    coloured = format.has_palette or sum(not one.is_alpha for one in format.components) > 1
    cells = format.chroma_width(CELL) * format.chroma_height(CELL) if coloured else 0
    return max(one.bits for one in format.components), cells
