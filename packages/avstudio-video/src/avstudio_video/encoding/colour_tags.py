"""The numbers by which frames and files tell their colour space (ITU-T H.273)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

UNKNOWN = 2
BT709, BT601, GBR = 1, 6, 0
LIMITED, FULL = 1, 2
HD_HEIGHT = 720
"""Pictures of at least this height without a tag are read as BT.709, others as BT.601."""


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
        range_ = int(tagged.color_range) or LIMITED
        return cls(int(tagged.color_primaries), int(tagged.color_trc), UNKNOWN if matrix == GBR else matrix, range_)

    def put_on(self, tagged: Any) -> None:
        """Tag a frame or a codec's context."""
        tagged.color_primaries, tagged.color_trc = self.primaries, self.transfer
        tagged.colorspace, tagged.color_range = self.matrix, self.range


UNTAGGED = ColourTags()
