"""The data of a waveform and a spectrogram, collected in one pass; it grows by some KB for each second of sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from avstudio_audio.analysis.spectra import Spectra
from avstudio_audio.media.cells import Cells

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COLUMN = 0.01
"""The length of one column of a waveform, in seconds."""
SIZE = 4096
BANDS = 256
LOWEST = 30.0
"""In Hz."""


class Extremes:
    """The lowest and highest samples of all channels, for each 10 ms."""

    def __init__(self, rate: int) -> None:
        """`rate` in Hz."""
        self._cells = Cells(2, max(1, round(COLUMN * rate)))
        self._columns: list[NDArray[np.float32]] = []

    def feed(self, block: NDArray[np.float32]) -> None:
        """Add the next block, `(channels, any)`."""
        import numpy as np

        self._add(self._cells.feed(np.stack((block.min(axis=0), block.max(axis=0)))))

    def finished(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """After the last block, the lowest and the highest samples."""
        import numpy as np

        self._add(self._cells.rest())
        low, high = np.concatenate([np.zeros((2, 0), np.float32), *self._columns], axis=1)
        return low, high

    def _add(self, cells: NDArray[np.float32]) -> None:
        import numpy as np

        if cells.shape[1]:
            self._columns.append(np.stack((cells[0].min(axis=1), cells[1].max(axis=1))))


class Spectrogram:
    """Levels in bands whose width rises with the frequency, about twenty times a second."""

    def __init__(self, rate: int) -> None:
        """`rate` in Hz."""
        import numpy as np

        self._spectra = Spectra(SIZE, SIZE // 2)
        self.frequencies = (min(LOWEST, rate / 8), rate / 2)
        edges = np.geomspace(*self.frequencies, BANDS + 1)
        starts = np.searchsorted(np.fft.rfftfreq(SIZE, 1 / rate), edges)
        self._starts = np.minimum(starts[:-1], SIZE // 2)
        self._levels: list[NDArray[np.uint8]] = []

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Add the next samples of one channel."""
        self._add(self._spectra.feed(samples))

    def finished(self) -> NDArray[np.float32]:
        """After the last sample, levels in dB, `(frames, bands)`; their step is 0.5 dB."""
        import numpy as np

        self._add(self._spectra.rest())
        halves = np.concatenate([np.zeros((0, BANDS), np.uint8), *self._levels])
        return -0.5 * halves.astype(np.float32)

    def _add(self, spectra: NDArray[np.float32]) -> None:
        import numpy as np

        if len(spectra):
            highest = np.maximum.reduceat(spectra, self._starts, axis=1)
            levels = 20 * np.log10(np.maximum(highest, 1e-7))
            self._levels.append(np.clip(-2 * levels, 0, 255).astype(np.uint8))
