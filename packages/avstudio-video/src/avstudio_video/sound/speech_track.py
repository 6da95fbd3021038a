"""The sound that recognisers of speech read: mono, 16 kHz, 16 bits."""

from __future__ import annotations

import wave
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

RATE = 16_000


class SpeechTrack:
    """Writes a WAV file block by block."""

    def __init__(self, path: Path) -> None:
        from av import AudioResampler

        self._resampler = AudioResampler("s16", "mono", RATE)
        self._file = wave.open(str(path), "wb")  # noqa: SIM115
        self._file.setnchannels(1)
        self._file.setsampwidth(2)
        self._file.setframerate(RATE)

    def feed(self, frame: AudioFrame | None) -> None:
        """The next samples."""
        for one in self._resampler.resample(frame):
            self._file.writeframes(one.to_ndarray().tobytes())

    def finish(self) -> None:
        """Write what the resampler still has, and close the file."""
        with closing(self._file):
            self.feed(None)
