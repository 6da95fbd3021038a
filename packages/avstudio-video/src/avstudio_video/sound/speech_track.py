"""The sound that recognisers of speech read: mono, 16 kHz, 16 bits."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_video.media.samples import sound_frame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE = 16_000


class SpeechTrack:
    """Writes a WAV file block by block."""

    def __init__(self, path: Path, rate: int, layout: str) -> None:
        from av import AudioResampler

        self._resampler = AudioResampler("s16", "mono", RATE)
        self._rate, self._layout, self._place = rate, layout, 0
        self._file = wave.open(str(path), "wb")  # noqa: SIM115
        self._file.setnchannels(1)
        self._file.setsampwidth(2)
        self._file.setframerate(RATE)

    def feed(self, block: NDArray[np.float32]) -> None:
        """The next samples, `(channels, n)`."""
        self._write(sound_frame(block, self._layout, self._rate, self._place))
        self._place += block.shape[1]

    def _write(self, frame: object) -> None:
        for one in self._resampler.resample(frame):  # type: ignore[arg-type]
            self._file.writeframes(one.to_ndarray().tobytes())

    def finish(self) -> None:
        """Write what the resampler still has, and close the file."""
        self._write(None)
        self._file.close()
