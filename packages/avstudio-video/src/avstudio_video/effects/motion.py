"""Frames between those of a video, for slow motion and higher rates."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Literal

from avstudio_video.effects.streams import Clip, Shown, on_grid
from avstudio_video.effects.wires import UNIT, Wires

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
    last: Shown | None = None
    for last in frames:
        known.append(last)
        last.frame.pts, last.frame.time_base = round(last.start / UNIT), UNIT
        for made in wires.feed(last.frame):
            time = Fraction(made.pts or 0) * Fraction(made.time_base or UNIT)
            shown = known[max(bisect_right(known, time, key=lambda one: one.start) - 1, 0)]
            new = Shown(made, time, shown.end, shown.source_time(time), shown.until)
            if held is not None and held.start < time:
                yield replace(held, end=time, until=new.since)
            held = new
        del known[:-8]
    if held is not None and last is not None and held.start < last.end:
        yield replace(held, end=last.end, until=last.until)
    elif held is None and last is not None:
        yield last
