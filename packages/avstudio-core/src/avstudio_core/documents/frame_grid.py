"""The frames of a video, on which times lie."""

from __future__ import annotations

import math
from dataclasses import dataclass

NTSC = (24, 30, 48, 60, 120)
"""Rates that a video of NTSC has 1000 / 1001 of: 23.976, 29.97, …"""
HALF_A_MILLISECOND = 0.0006
"""The most by which a time of a frame differs from the exact one, because times have milliseconds."""


@dataclass(frozen=True, slots=True)
class FrameGrid:
    """The times of frames, in whole milliseconds as the files of subtitles have them."""

    rate: float = 1000.0
    """Frames a second; 23.976, 29.97 and their relatives are meant exactly."""

    @property
    def exact(self) -> float:
        exact = (whole * 1000 / 1001 for whole in NTSC)
        return next((one for one in exact if abs(one - self.rate) < 0.005), self.rate)

    def nearest(self, time: float) -> float:
        """The frame that is nearest to a time in seconds."""
        return self._time(round(time * self.exact))

    def following(self, time: float) -> float:
        """The first frame that is not before a time."""
        return self._time(math.ceil(time * self.exact - self._slack))

    def preceding(self, time: float) -> float:
        """The last frame that is not after a time."""
        return self._time(math.floor(time * self.exact + self._slack))

    def after(self, time: float) -> float:
        """The next frame."""
        return self._time(round(time * self.exact) + 1)

    @property
    def _slack(self) -> float:
        return min(HALF_A_MILLISECOND * self.exact, 0.5)

    def _time(self, frame: int) -> float:
        return round(frame / self.exact, 3)


MILLISECONDS = FrameGrid()
"""The times of subtitles without a video."""
