"""Frames between those of a video, for slow motion and higher rates."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from avstudio_video.effects.streams import Clip, Shown, on_grid
from avstudio_video.effects.wires import UNIT, Wires

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

MODES = {"blend": "blend", "motion": "mci"}


def interpolated(
    frames: Iterator[Shown], clip: Clip, rate: Fraction, method: Literal["blend", "motion"]
) -> Iterator[Shown]:
    """Frames at a constant rate, between those that are given; after the last one, that one is repeated."""
    return on_grid(_between(frames, clip, rate, method), rate)


def _between(
    frames: Iterator[Shown], clip: Clip, rate: Fraction, method: Literal["blend", "motion"]
) -> Iterator[Shown]:
    wires = Wires(clip)
    node = wires.add("minterpolate", wires.source, fps=f"{rate.numerator}/{rate.denominator}", mi_mode=MODES[method])
    wires.finish(node, clip)
    known: list[Shown] = []
    held: Shown | None = None
    for shown in frames:
        known = [*known[-8:], shown]
        shown.frame.pts, shown.frame.time_base = round(shown.start / UNIT), UNIT
        for made in wires.feed(shown.frame):
            new = _between_known(made, known)
            if held is not None and held.start < new.start:
                yield replace(held, end=new.start, until=new.since)
            held = new
    if known:
        last = known[-1]
        yield replace(held, end=last.end, until=last.until) if held and held.start < last.end else last


def _between_known(made: VideoFrame, known: list[Shown]) -> Shown:
    """A frame that was made, with the time of the source at its own time."""
    time = Fraction(made.pts or 0) * Fraction(made.time_base or UNIT)
    shown = known[max(bisect_right(known, time, key=lambda one: one.start) - 1, 0)]
    return Shown(made, time, shown.end, shown.source_time(time), shown.until)
