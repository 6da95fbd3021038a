"""The pixel formats of encoded pictures: which of some keeps most of a given one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

PLANAR = ("yuv420p", "yuv420p10le", "yuv422p", "yuv422p10le", "yuv444p", "yuv444p10le")
"""FFmpeg's names of the formats in which pictures are changed."""
MOST_BITS = 10
"""Of a component, in these."""


@dataclass(frozen=True, slots=True)
class Detail:
    """What a pixel format keeps of a picture."""

    bits: int
    """Of a component."""
    across: float
    down: float
    """The share of the pixels that have a colour of their own, in a row and in a column."""

    @classmethod
    def of(cls, pixels: str) -> Self:
        """That of a format, by FFmpeg's name."""
        from av import VideoFormat

        known = VideoFormat(pixels)
        bits = max(one.bits for one in known.components)
        if known.is_rgb or known.has_palette:
            return cls(bits, 1, 1)
        if len(known.components) < 3:
            return cls(bits, 0, 0)
        return cls(bits, known.chroma_width(16) / 16, known.chroma_height(16) / 16)

    def loss(self, other: Detail) -> tuple[float, ...]:
        """What it would lose of another one, then how large it is: the least is the best."""
        colour = max(0, other.across - self.across) + max(0, other.down - self.down)
        return max(0, min(other.bits, MOST_BITS) - self.bits), colour, self.bits, self.across + self.down


def closest(formats: Sequence[str], given: str) -> str:
    """The one of some formats that keeps most of the given one, the smallest if several do."""
    plain = given.replace("yuvj", "yuv")
    return plain if plain in formats else min(formats, key=lambda one: Detail.of(one).loss(Detail.of(plain)))


def is_reduced(given: str, written: str) -> bool:
    """Whether the second format has fewer bits or less colour than the first."""
    before, now = Detail.of(given), Detail.of(written)
    return now.bits < before.bits or now.across < before.across or now.down < before.down


def tell_reduced(codec: str, written: str, name: str, given: str, warn: Callable[[str, str], None]) -> None:
    """Warn with `detail_reduced` if a codec writes the picture of a file with fewer bits or less colour."""
    if is_reduced(given, written):
        warn("detail_reduced", f"'{codec}' is written as {written} here, and the picture of '{name}' is {given}.")


def has_alpha(pixels: str) -> bool:
    """Whether a format stores how transparent pixels are."""
    from av import VideoFormat

    known = VideoFormat(pixels)
    return known.has_palette or any(one.is_alpha for one in known.components)
