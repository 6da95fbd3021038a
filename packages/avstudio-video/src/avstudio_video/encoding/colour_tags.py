"""The numbers by which frames and files tell their colour space (ITU-T H.273)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

UNKNOWN = 2
BT709, BT601, GBR = 1, 6, 0
LIMITED, FULL = 1, 2
HD_HEIGHT = 720
"""Pictures of at least this height without a tag are read as BT.709, others as BT.601."""
MATRICES = {0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc"}
"""Names of FFmpeg's filters for the matrices between which they convert."""
RANGES = {LIMITED: "tv", FULL: "pc"}
"""Likewise for the ranges."""


@dataclass(frozen=True, slots=True)
class ColourTags:
    """A colour space; a number is `UNKNOWN` if the file does not tell it."""

    primaries: int = UNKNOWN
    transfer: int = UNKNOWN
    matrix: int = UNKNOWN
    range: int = LIMITED

    @classmethod
    def of(cls, tagged: Any) -> Self:
        """The tags of a frame or of a codec's context."""
        matrix = int(tagged.colorspace)
        full = int(tagged.color_range) == FULL or (tagged.format is not None and tagged.format.name.startswith("yuvj"))
        matrix = UNKNOWN if matrix == GBR else matrix
        return cls(int(tagged.color_primaries), int(tagged.color_trc), matrix, FULL if full else LIMITED)

    def matrix_at(self, height: int) -> int:
        """The matrix, or what players assume for a picture of that height."""
        usual = BT709 if height >= HD_HEIGHT else BT601
        return self.matrix if self.matrix in MATRICES else usual

    def put_on(self, tagged: Any) -> None:
        """Tag a frame or a codec's context."""
        tagged.color_primaries, tagged.color_trc = self.primaries, self.transfer
        tagged.colorspace, tagged.color_range = self.matrix, self.range


UNTAGGED = ColourTags()
