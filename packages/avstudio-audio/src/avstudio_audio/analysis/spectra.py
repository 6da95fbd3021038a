"""Magnitude spectra of a signal that arrives block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Spectra:
    """Cuts one channel into frames with a Hann window, and transforms them.

    Frame number `k` is centred at sample `k * hop`; before and after the signal is silence.
    """

    def __init__(self, size: int, hop: int) -> None:
        """Frames of `size` samples, every `hop` samples."""
        import numpy as np

        self._size, self._hop = size, hop
        self._window = np.hanning(size + 1)[:-1].astype(np.float32)
        self._window *= 2 / self._window.sum()  # a full-scale sine has the magnitude 1
        self._kept = np.zeros(size // 2, np.float32)

    def feed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The spectra of the frames that are complete now, `(frames, size // 2 + 1)`."""
        import numpy as np

        self._kept = np.concatenate((self._kept, samples))
        count = max(0, (len(self._kept) - self._size) // self._hop + 1)
        if not count:
            return np.empty((0, self._size // 2 + 1), np.float32)
        frames = np.lib.stride_tricks.sliding_window_view(self._kept, self._size)[:: self._hop][:count]
        spectra = np.abs(np.fft.rfft(frames * self._window, axis=1)).astype(np.float32)
        self._kept = self._kept[count * self._hop :]
        return spectra

    def rest(self) -> NDArray[np.float32]:
        """After the last sample, the spectra of the frames that reach beyond it."""
        import numpy as np

        return self.feed(np.zeros(self._size // 2, np.float32))
