"""The tempo of music, with the other tempos that it may have: half, double, and those between.

Candidates are the peaks of the autocorrelation of the onsets' strength at a tempo and its multiples. At the tempo at
which people tap, bass and snare drum repeat after a bar of three or four beats; onsets are stronger on the beats than
between them, and alternate beats are alike; and it is more often near 115 BPM than far from it (van Noorden and
Moelants, "Resonance in the perception of musical pulse", 1999).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from avstudio_audio.analysis.onsets import FRAMES_A_SECOND, envelope

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MULTIPLES = ((1, 1.0), (2, 0.7), (3, 0.5), (4, 0.5))
"""Multiples of a beat, and the weights of their autocorrelations."""
USUAL = 115.0
"""The tempo at which people tap most often, in BPM."""
SLOWEST, FASTEST = 30.0, 300.0
STEP = 0.004
"""The step between tempos, as a logarithm."""
MOST = 12
"""The number of peaks that are compared."""
BAR, CONTRAST, UNLIKE, COMMON = 2.0, 0.3, 0.15, 0.25
"""The weights of a bar that repeats, of the contrast between beats, of unlike beats, and of usual tempos: they give
most right first guesses for clicks and seven drum patterns between 60 and 200 BPM."""
BARS = (3, 4)
"""Beats in a bar."""
NEAR_LAG = 2
"""Frames by which the length of a bar may differ."""
WITHIN = 0.03
"""Seconds around a beat in which its onset may be."""
CLEAR = 0.25
"""The least autocorrelation of a regular pulse."""
LEAST_BEATS = 4


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tempo that the music may have."""

    bpm: float
    salience: float
    """How regular onsets are at this tempo, 0 to 1."""
    score: float
    """How likely people tap at it; only for comparisons."""


def tempo_candidates(strength: NDArray[np.float32], slowest: float, fastest: float) -> list[Candidate]:
    """The likely tempos between two bounds in BPM, the best first; none without a regular pulse.

    `strength` is `(3, frames)` as `Onsets` gives it.
    """
    import numpy as np

    levels = envelope(strength)
    correlation = _autocorrelation(levels)
    tempos = np.exp(np.arange(np.log(slowest) - STEP, np.log(fastest) + 2 * STEP, STEP))
    lags = 60 / tempos * FRAMES_A_SECOND
    if len(levels) < LEAST_BEATS * lags[-1]:
        return []
    weights = sum(weight for _, weight in MULTIPLES)
    places = np.arange(len(correlation))
    salience = sum(
        weight * np.interp(lags * multiple, places, correlation, right=0.0) for multiple, weight in MULTIPLES
    )
    salience = np.asarray(salience) / weights
    middle = salience[1:-1]
    peaks = 1 + np.flatnonzero((middle >= salience[:-2]) & (middle > salience[2:]) & (middle > 0.1 * salience.max()))
    best = sorted(peaks.tolist(), key=lambda place: -salience[place])[:MOST]
    drums = [_autocorrelation(envelope(band[None])) for band in strength[:2]]
    bands = levels, envelope(strength[:1]), envelope((strength[0] + strength[1])[None])
    found = [_candidate(bands, drums, float(tempos[place]), float(salience[place])) for place in best]
    clear = [one for one in found if one is not None]
    if not clear or max(one.salience for one in clear) < CLEAR:
        return []
    return sorted(clear, key=lambda one: -one.score)


def first_beat(levels: NDArray[np.float32], period: float) -> float:
    """The frame of the first beat of a regular pulse of `period` frames: that with the strongest onsets."""
    import numpy as np

    count = int(len(levels) / period) - 1
    starts = np.arange(0, period)
    places = np.minimum(np.round(starts[:, None] + np.arange(count) * period).astype(int), len(levels) - 1)
    return float(starts[levels[places].mean(axis=1).argmax()])


def _candidate(
    bands: Sequence[NDArray[np.float32]], drums: Sequence[NDArray[np.float64]], bpm: float, salience: float
) -> Candidate | None:
    """`bands` are all onsets, those of the bass, and those below the cymbals."""
    import numpy as np

    levels, period = bands[0], 60 / bpm * FRAMES_A_SECOND
    count = int(len(levels) / period) - 1
    if count < LEAST_BEATS:
        return None
    beats = first_beat(levels, period) + np.arange(count) * period
    on, between = _strongest(levels, beats).mean(), _strongest(levels, beats + period / 2).mean()
    contrast = (on - between) / (on + between + 1e-9)
    unlike = min(_unlike(band, beats) for band in bands[1:])
    prior = -0.5 * np.log2(bpm / USUAL) ** 2
    bar = max(min(_repeats(one, beats_in_bar * period) for one in drums) for beats_in_bar in BARS)
    score = salience + BAR * bar + CONTRAST * contrast - UNLIKE * unlike + COMMON * prior
    return Candidate(round(bpm, 2), min(1.0, max(0.0, salience)), float(score))


def _repeats(correlation: NDArray[np.float64], lag: float) -> float:
    """The highest autocorrelation near a lag; 0 if the sound is shorter."""
    import numpy as np

    lags = lag + np.arange(-NEAR_LAG, NEAR_LAG + 1)
    return float(np.interp(lags, np.arange(len(correlation)), correlation, right=0.0).max())


def _unlike(band: NDArray[np.float32], beats: NDArray[Any]) -> float:
    """The difference of alternate beats in one band, 0 to 1."""
    levels = _strongest(band, beats)
    if levels.mean() <= 1e-3:
        return 1.0
    even, odd = levels[::2].mean(), levels[1::2].mean()
    return float(abs(even - odd) / (even + odd))


def _strongest(levels: NDArray[np.float32], places: NDArray[Any]) -> NDArray[np.float32]:
    """The highest level near each place."""
    import numpy as np

    near = max(2, round(WITHIN * FRAMES_A_SECOND))
    around = np.clip(places.astype(int)[:, None] + np.arange(-near, near + 1), 0, len(levels) - 1)
    return np.asarray(levels[around].max(axis=1))


def _autocorrelation(levels: NDArray[np.float32]) -> NDArray[np.float64]:
    """The autocorrelation by lag in frames, 1 at lag 0."""
    import numpy as np

    count = len(levels)
    if not count:
        return np.zeros(1)
    spectrum = np.fft.rfft(levels - levels.mean(), 2 * count)
    sums = np.fft.irfft(np.abs(spectrum) ** 2)[:count] / np.arange(count, 0, -1)
    return np.asarray(sums / sums[0] if sums[0] > 0 else np.zeros(count))
