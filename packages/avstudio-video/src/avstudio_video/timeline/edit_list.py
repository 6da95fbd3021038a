"""A timeline as a cut list for editors."""

from __future__ import annotations

from fractions import Fraction

from avstudio_video.exports.cut_list import USUAL_RATE, Clip, CutList
from avstudio_video.media.timecode import count_of, readable
from avstudio_video.timeline.footage import Footage
from avstudio_video.timeline.parts import Timeline


def edit_list(timeline: Timeline, footage: Footage, timecode: str | None) -> CutList:
    """The parts of one video in frames of its nominal rate. Raises `InvalidParams` for a wrong timecode."""
    rate, grid = footage.stream.rate or USUAL_RATE, footage.grid
    label = timecode or readable(footage.contents.timecode, rate)
    count = count_of(rate, label)
    clips: list[Clip] = []
    rounding = Fraction(0)
    for number, part in enumerate(timeline.parts, 1):
        start, end = ((time - grid.start) * rate for time in (part.start, part.end))
        rounding = max(rounding, abs(start - round(start)), abs(end - round(end)))
        low, fade = round(start), round(part.fade * rate)
        high = max(low + 1, round(end))
        at = clips[-1].at + clips[-1].end - clips[-1].start - fade if clips else 0
        clips.append(Clip(number, low, high, at, (float(part.start), float(part.end)), fade))
    first, frames = count.frame(label) if label else 0, round((grid.end - grid.start) * rate)
    variable, heard = footage.stream.index.variable, bool(footage.sounds)
    return CutList(footage.name, "Part", rate, count, first, frames, clips, float(rounding), variable, heard)
