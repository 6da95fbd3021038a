"""The energy of the twelve pitch classes over time, and the tuning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from avstudio_audio.analysis.onsets import RATE
from avstudio_audio.analysis.spectra import Spectra

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIZE, HOP = 8192, 2205
FRAMES_A_SECOND = RATE / HOP
A4 = 440.0
"""In Hz."""
LOWEST, HIGHEST = 65.0, 2100.0
"""The range of the pitches, in Hz: C2 to C7."""
CENTS = 5
"""The step in which the tuning is estimated, in cents."""
BINS = 1200 // CENTS


class Chroma:
    """Collects the pitches of one channel at `RATE`, without its percussion: only peaks of the spectrum count."""

    def __init__(self) -> None:

        self._spectra = Spectra(SIZE, HOP)
        self._width = RATE / SIZE
        self._low, self._high = int(LOWEST / self._width), int(HIGHEST / self._width) + 2
        self._frames: list[NDArray[np.float32]] = []

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Add the next samples of one channel."""
        self._add(self._spectra.feed(samples))

    def finish(self) -> None:
        """Add the end of the sound, after its last sample."""
        self._add(self._spectra.rest())

    def classes(self) -> tuple[NDArray[np.float32], float]:
        """After the end: `(12, frames)` from C to B, each frame 0 to 1, and the tuning in cents from A4."""
        import numpy as np

        fine = np.concatenate([np.zeros((BINS, 0), np.float32), *self._frames], axis=1)
        cents = _tuning(fine.sum(axis=1))
        turned = np.roll(fine, -round(cents / CENTS) + BINS // 24, axis=0)  # each class is centred in its bins
        classes = turned.reshape(12, BINS // 12, -1).sum(axis=1)
        highest = classes.max(axis=0, keepdims=True, initial=0.0)
        return np.asarray(classes / np.maximum(highest, 1e-9), np.float32), cents

    def _add(self, spectra: NDArray[np.float32]) -> None:
        """Add the interpolated peaks of each spectrum to the pitch classes, with compressed magnitudes."""
        import numpy as np

        if not len(spectra):
            return
        part = np.log1p(1000 * spectra[:, self._low - 1 : self._high + 1].astype(np.float64))
        left, middle, right = part[:, :-2], part[:, 1:-1], part[:, 2:]
        frames, bins = np.nonzero((middle > left) & (middle >= right) & (middle > 0.2 * part.max(axis=1)[:, None]))
        if not frames.size:
            self._frames.append(np.zeros((BINS, len(spectra)), np.float32))
            return
        one = middle[frames, bins]
        before, after = left[frames, bins], right[frames, bins]
        shift = 0.5 * (before - after) / np.minimum(before - 2 * one + after, -1e-9)
        pitches = (bins + self._low + np.clip(shift, -0.5, 0.5)) * self._width
        cents = 1200 * np.log2(pitches / A4) + 900  # from C
        places = np.round(cents / CENTS).astype(int) % BINS
        fine = np.zeros((BINS, len(spectra)), np.float32)
        np.add.at(fine, (places, frames), one.astype(np.float32))
        self._frames.append(fine)


def _tuning(fine: NDArray[np.float32]) -> float:
    """The deviation from equal temperament at A4 = 440 Hz, in cents between -50 and 50."""
    import numpy as np

    if fine.sum() <= 0:
        return 0.0
    angles = np.arange(BINS) * CENTS / 100 * 2 * np.pi
    mean = np.angle((fine * np.exp(1j * angles)).sum())
    return round(float(mean / (2 * np.pi) * 100), 1)
