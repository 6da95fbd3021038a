"""A summary of the times of a stream's frames."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from avstudio_video.media.stream_facts import FrameTimes, KeyFrames

if TYPE_CHECKING:
    from avstudio_video.media.index import PacketIndex


def frame_times(index: PacketIndex, origin: Fraction) -> FrameTimes:
    """Times in seconds from the start of the file, which is at `origin`."""
    shown, unit = index.shown, index.unit
    begin = Fraction(0) if index.guessed else origin
    start = float(shown[0] * unit - begin) if shown else 0.0
    end = float(index.end * unit - begin) if shown else 0.0
    gaps = sorted(index.gaps) or [index.usual_gap]
    return FrameTimes(
        frames=len(shown),
        start=start,
        end=end,
        duration=max(0.0, end - start),
        variable_rate=index.variable,
        shortest=float(gaps[0] * unit),
        usual=float(index.usual_gap * unit),
        longest=float(gaps[-1] * unit),
        key_frames=_key_frames(index),
        guessed=index.guessed,
    )


def _key_frames(index: PacketIndex) -> KeyFrames:
    keys = index.keys
    gaps = sorted(float((after - before) * index.unit) for before, after in pairwise(keys)) or [0.0]
    return KeyFrames(count=len(keys), shortest=gaps[0], usual=gaps[len(gaps) // 2], longest=gaps[-1])
