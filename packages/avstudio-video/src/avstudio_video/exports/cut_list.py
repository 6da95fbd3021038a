"""Scenes on the frame grid of an editor."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from avstudio_core.documents.scenes import Scenes
from avstudio_video.media.timecode import FrameCount, count_of, readable

USUAL_RATE = Fraction(25)
"""For a video without a nominal rate."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A part of a video, in frames of the nominal rate from its first frame, half-open."""

    number: int
    start: int
    end: int
    at: int
    """The frame of the edited video with which it begins."""
    seconds: tuple[float, float]
    fade: int = 0
    """Frames of the cross-fade from the clip before, in which both are shown."""


@dataclass(frozen=True)
class CutList:
    """What every format of an editor is made from."""

    title: str
    """The name of the video's file."""
    kind: str
    """What a clip is, in its name."""
    rate: Fraction
    count: FrameCount
    first: int
    """The frame that the timecode of the first frame labels."""
    frames: int
    """Frames of the whole video."""
    clips: list[Clip]
    rounding: float
    """The largest difference of a clip's time to the grid, in frames."""
    variable: bool
    """Whether the frames of the file have different lengths."""
    sound: bool = False
    """Whether sound is cut, too."""

    @classmethod
    def of(cls, scenes: Scenes, title: str, timecode: str | None = None) -> CutList:
        """The scenes of a video on the grid of its nominal rate. Raises `InvalidParams` for a wrong timecode."""
        rate = Fraction(scenes.rate) if scenes.rate else USUAL_RATE
        count = count_of(rate, label := timecode or readable(scenes.timecode, rate))
        begin = scenes.scenes[0].start if scenes.scenes else 0.0
        clips: list[Clip] = []
        rounding = 0.0
        for number, one in enumerate(scenes.scenes, 1):
            start, end = ((time - begin) * float(rate) for time in (one.start, one.end))
            rounding = max(rounding, abs(start - round(start)), abs(end - round(end)))
            low = clips[-1].end if clips else 0
            clips.append(Clip(number, low, max(low + 1, round(end)), low, (one.start, one.end)))
        first, frames = count.frame(label) if label else 0, clips[-1].end if clips else 0
        return cls(title, "Scene", rate, count, first, frames, clips, rounding, scenes.variable_rate)

    @property
    def length(self) -> int:
        """Frames of the edited video."""
        return self.clips[-1].at + self.clips[-1].end - self.clips[-1].start if self.clips else 0
