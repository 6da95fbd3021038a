"""The strength of onsets over time, in three bands, and the times of the onsets.

The strength is the increase of the logarithmic magnitude (spectral flux): Böck, Krebs and Schedl, "Evaluating the
online capabilities of onset detection methods", ISMIR 2012.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from avstudio_audio.analysis.spectra import Spectra

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE = 22_050
"""The sample rate of the analysis, in Hz."""
SIZE, HOP = 1024, 220
FRAMES_A_SECOND = RATE / HOP
LAG = 2
"""The frames over which an increase is measured."""
BANDS = 32
LOWEST, HIGHEST = 30.0, 10_000.0
"""The range of the bands, in Hz."""
LOW, HIGH = 160.0, 2500.0
"""Bass drums are below `LOW`, cymbals above `HIGH`, in Hz."""
GAIN = 1000.0
"""The magnitude above which the logarithm compresses: -60 dBFS."""
WEIGHTS = (1.0, 1.0, 0.4)
"""The bands in the sum: cymbals play between the beats, too."""
SMOOTH = 0.05
"""The width of the smoothing, in seconds."""
DELAY = 0.008
"""Seconds between an onset and the greatest increase, as measured with clicks."""
APART = 0.05
"""Onsets are at least this far apart, in seconds."""
AROUND = 0.25
"""The seconds before and after, of which an onset exceeds the mean."""
ABOVE = 2.0
"""The factor by which an onset exceeds that mean."""
FAINT = 0.05
"""An onset has at least this part of the strength of the strongest ones."""


class Onsets:
    """Collects the strength of the onsets of one channel at `RATE`."""

    def __init__(self) -> None:
        import numpy as np

        self._spectra = Spectra(SIZE, HOP)
        edges = np.geomspace(LOWEST, HIGHEST, BANDS + 1)
        frequencies = np.fft.rfftfreq(SIZE, 1 / RATE)
        starts = np.searchsorted(frequencies, edges)
        ends = np.maximum(starts[1:], starts[:-1] + 1)
        self._ranges = list(zip(starts[:-1].tolist(), ends.tolist(), strict=True))
        centres = np.sqrt(edges[:-1] * edges[1:])
        self._groups = [centres < LOW, (centres >= LOW) & (centres < HIGH), centres >= HIGH]
        self._before = np.zeros((LAG, BANDS), np.float32)
        self._strengths: list[NDArray[np.float32]] = []

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Add the next samples of one channel."""
        self._add(self._spectra.feed(samples))

    def strength(self) -> NDArray[np.float32]:
        """After the last sample: `(3, frames)`, low, middle and high, at `FRAMES_A_SECOND`."""
        import numpy as np

        self._add(self._spectra.rest())
        return np.concatenate([np.zeros((3, 0), np.float32), *self._strengths], axis=1)

    def _add(self, spectra: NDArray[np.float32]) -> None:
        import numpy as np

        if not len(spectra):
            return
        power = np.square(spectra)
        bands = np.stack([power[:, start:end].sum(axis=1) for start, end in self._ranges], axis=1)
        levels = np.concatenate((self._before, np.log1p(GAIN * np.sqrt(bands))))
        increase = np.maximum(levels[LAG:] - levels[:-LAG], 0)
        self._before = levels[-LAG:]
        self._strengths.append(np.stack([increase[:, group].mean(axis=1) for group in self._groups]))


def envelope(strength: NDArray[np.float32]) -> NDArray[np.float32]:
    """The weighted and smoothed sum of bands `(bands, frames)`: `(frames,)`."""
    import numpy as np

    width = int(SMOOTH * FRAMES_A_SECOND) | 1
    window = np.hanning(width + 2)[1:-1]
    weighted = (strength * np.array(WEIGHTS[: len(strength)])[:, None]).sum(axis=0)
    return np.asarray(np.convolve(weighted, window / window.sum(), "same"), np.float32)


def onset_times(strength: NDArray[np.float32]) -> list[float]:
    """The times of the onsets, in seconds."""
    import numpy as np

    levels = strength.sum(axis=0)
    if not levels.size or levels.max() <= 0:
        return []
    near, around = max(1, round(APART * FRAMES_A_SECOND)), round(AROUND * FRAMES_A_SECOND)
    padded = np.pad(levels, near)
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * near + 1).max(axis=1)
    sums = np.cumsum(np.pad(levels, (around + 1, around), mode="edge"), dtype=np.float64)
    mean = (sums[2 * around + 1 :] - sums[: -2 * around - 1]) / (2 * around + 1)
    strong = max(float(np.quantile(levels, 0.99)), float(levels.max()) / 4)
    frames = np.flatnonzero((levels == highest) & (levels > ABOVE * mean) & (levels > FAINT * strong))
    if frames.size:
        frames = frames[np.insert(np.diff(frames) >= near, 0, True)]
    return [round(max(0.0, float(frame) / FRAMES_A_SECOND + DELAY), 4) for frame in frames]
