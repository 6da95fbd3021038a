"""The times of beats, by dynamic programming.

Ellis, "Beat tracking by dynamic programming", Journal of New Music Research 36 (2007).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from avstudio_audio.analysis.onsets import DELAY, FRAMES_A_SECOND, envelope

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TIGHTNESS = 300.0
"""The cost of a beat that is not at the expected time; a higher value keeps the tempo more constant."""
WEAK = 0.25
"""Beats at both ends that are weaker than this part of the median are left out: no music plays there."""


def beat_times(strength: NDArray[np.float32], bpm: float) -> list[float]:
    """The times of the beats in seconds, at about `bpm`."""
    import numpy as np

    levels = envelope(strength)
    deviation = float(levels.std())
    if deviation <= 0:
        return []
    frames = _path(levels / deviation, 60 / bpm * FRAMES_A_SECOND)
    strong = levels[frames] >= WEAK * np.median(levels[frames])
    inside = np.flatnonzero(strong)
    kept = frames[inside[0] : inside[-1] + 1] if inside.size else frames[:0]
    places = _refined(levels, kept)
    return [round(max(0.0, float(place) / FRAMES_A_SECOND + DELAY), 4) for place in places]


def _path(levels: NDArray[np.float32], period: float) -> NDArray[np.int64]:
    """The frames of the best sequence of beats."""
    import numpy as np

    lags = np.arange(round(period / 2), round(2 * period) + 1)
    costs = TIGHTNESS * np.log(lags / period) ** 2
    longest = int(lags[-1])
    scores = np.zeros(longest + len(levels))
    before = np.full(len(levels), -1)
    for frame, level in enumerate(levels.tolist()):
        place = frame + longest
        choices = scores[place - lags] - costs
        best = int(choices.argmax())
        scores[place] = level + max(0.0, choices[best])
        if choices[best] > 0:
            before[frame] = frame - lags[best]
    frame = int(len(levels) - longest + scores[len(levels) :].argmax())
    path = []
    while frame >= 0:
        path.append(frame)
        frame = int(before[frame])
    return np.array(path[::-1])


def _refined(levels: NDArray[np.float32], frames: NDArray[np.int64]) -> NDArray[np.float64]:
    """The frames with a fraction: the top of a parabola through three levels."""
    import numpy as np

    inner = np.clip(frames, 1, len(levels) - 2)
    left, middle, right = (levels[inner + step].astype(np.float64) for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    shift = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, 1.0), 0.0)
    return np.asarray(frames + np.clip(shift, -0.5, 0.5))
