"""A change of shots that takes some frames, or a flash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TransitionKind = Literal["dissolve", "wipe", "fade", "fade_in", "fade_out", "flash"]
"""`fade` goes out and in again; `fade_in` and `fade_out` have a cut, or an end of the video, on the other side."""
Colour = Literal["black", "white", "other"]


@dataclass(frozen=True, slots=True)
class Transition:
    """Numbers of frames, half-open: the first frame that is not of the shot before, and the first one of the next."""

    kind: TransitionKind
    start: int
    end: int
    boundary: int | None
    """The frame with which the next scene starts; `None` if none does."""
    colour: Colour | None = None
    """The colour of a fade."""

    def meets(self, other: Transition) -> bool:
        """Whether both have a frame in common."""
        return self.start < other.end and other.start < self.end
