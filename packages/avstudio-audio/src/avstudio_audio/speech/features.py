"""Whisper's features, computed piece by piece: faster-whisper 1.2 computes all at once, with 50 MB for each minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FRAMES = 3000
"""Frames that are computed at once: half a minute."""


def frugal(extractor: Any) -> Any:
    """Make a `faster_whisper` feature extractor compute the same features in little memory."""
    kind = type(extractor)

    class Frugal(kind):  # type: ignore[misc, valid-type]
        def __call__(
            self, waveform: NDArray[np.float32], padding: int = 160, chunk_length: int | None = None
        ) -> NDArray[np.float32]:
            if chunk_length is not None or len(waveform) + padding <= FRAMES * self.hop_length:
                found: NDArray[np.float32] = super().__call__(waveform, padding, chunk_length)
                return found
            return _log_mel(self, waveform, padding)

    extractor.__class__ = Frugal
    return extractor


def _log_mel(extractor: Any, waveform: NDArray[np.float32], padding: int) -> NDArray[np.float32]:
    """The logarithm of the energy in each band, scaled relative to the loudest, as in `FeatureExtractor.__call__`."""
    import numpy as np

    size, hop = extractor.n_fft, extractor.hop_length
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    padded = np.pad(np.pad(waveform, (0, padding)), size // 2, mode="reflect")
    count = (len(padded) - size) // hop  # faster-whisper also leaves out the last frame
    bands = np.empty((len(extractor.mel_filters), count), np.float32)
    for start in range(0, count, FRAMES):
        stop = min(start + FRAMES, count)
        part = padded[start * hop : (stop - 1) * hop + size]
        spectrum = extractor.stft(part, size, hop, window=window, center=False, return_complex=True)
        energy = np.abs(spectrum.astype(np.complex64)) ** 2
        bands[:, start:stop] = np.log10(np.maximum(extractor.mel_filters @ energy, 1e-10))
    np.maximum(bands, bands.max() - 8.0, out=bands)
    bands += 4.0
    bands /= 4.0
    return bands
