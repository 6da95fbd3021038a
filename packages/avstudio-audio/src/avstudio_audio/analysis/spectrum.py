"""A summary of the spectrum of a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

from avstudio_audio.analysis.spectra import Spectra

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIZE = 4096
ROLLOFF = 0.85
"""The part of the energy that is below the rolloff."""
AUDIBLE_DB = -90.0
"""The level of the highest frequency that counts as sound, in dB relative to a full-scale sine."""


class SpectrumSummary:
    """Collects the power of one channel at its own rate."""

    def __init__(self, rate: int) -> None:
        """`rate` in Hz."""
        import numpy as np

        self._spectra = Spectra(SIZE, SIZE // 2)
        self._frequencies = np.fft.rfftfreq(SIZE, 1 / rate)
        self._power = np.zeros(SIZE // 2 + 1)
        self._logarithms = np.zeros(SIZE // 2 + 1)
        self._count = 0

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Add the next samples of one channel."""
        self._add(self._spectra.feed(samples))

    def finished(self) -> dict[str, float] | None:
        """After the last sample: `centroid_hz`, `bandwidth_hz`, `rolloff_hz`, `highest_hz`, `flatness`."""
        import numpy as np

        self._add(self._spectra.rest())
        total = float(self._power.sum())
        if not self._count or total <= 0:
            return None
        frequencies, mean = self._frequencies, self._power / self._count
        centroid = float((frequencies * self._power).sum() / total)
        spread = float((np.square(frequencies - centroid) * self._power).sum() / total)
        rolloff = frequencies[np.searchsorted(self._power.cumsum(), ROLLOFF * total)]
        heard = np.flatnonzero(mean > 10 ** (AUDIBLE_DB / 10))
        geometric = np.exp(np.log(np.maximum(mean[1:], 1e-20)).mean())
        return {
            "centroid_hz": round(centroid, 1),
            "bandwidth_hz": round(spread**0.5, 1),
            "rolloff_hz": round(float(rolloff), 1),
            "highest_hz": round(float(frequencies[heard[-1]]) if heard.size else 0.0, 1),
            "flatness": round(float(geometric / max(mean[1:].mean(), 1e-20)), 6),
        }

    def _add(self, spectra: NDArray[np.float32]) -> None:
        import numpy as np

        self._power += np.square(spectra, dtype=np.float64).sum(axis=0)
        self._count += len(spectra)
