"""Scenes on the frame grid of an editor."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from avstudio_core.documents.scenes import Scenes
from avstudio_video.exports.timecode import FrameCount, count_of

USUAL_RATE = Fraction(25)
"""For a video without a nominal rate."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One scene, in frames of the nominal rate from the first frame of the video, half-open."""

    number: int
    start: int
    end: int
    seconds: tuple[float, float]


@dataclass(frozen=True)
class CutList:
    """What every format of an editor is made from."""

    title: str
    """The name of the video's file."""
    rate: Fraction
    count: FrameCount
    first: int
    """The frame that the timecode of the first frame labels."""
    clips: list[Clip]
    rounding: float
    """The largest difference of a scene's time to the grid, in frames."""

    @classmethod
    def of(cls, scenes: Scenes, title: str, timecode: str | None = None) -> CutList:
        """The scenes of a video on the grid of its nominal rate. Raises `InvalidParams` for a wrong timecode."""
        rate = Fraction(scenes.rate) if scenes.rate else USUAL_RATE
        label = timecode or scenes.timecode
        count = count_of(rate, label)
        begin = scenes.scenes[0].start if scenes.scenes else 0.0
        clips: list[Clip] = []
        rounding = 0.0
        for number, one in enumerate(scenes.scenes, 1):
            start, end = ((time - begin) * float(rate) for time in (one.start, one.end))
            rounding = max(rounding, abs(start - round(start)), abs(end - round(end)))
            low = clips[-1].end if clips else 0
            clips.append(Clip(number, low, max(low + 1, round(end)), (one.start, one.end)))
        return cls(title, rate, count, count.frame(label) if label else 0, clips, rounding)
