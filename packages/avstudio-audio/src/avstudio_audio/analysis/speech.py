"""The spans of a recording with speech, by Silero VAD, which faster-whisper carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from avstudio_audio.speech.spans import RATE, spoken

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WINDOW = 60 * RATE
"""The samples that are searched at once."""
JOINED = 0.3
"""Spans that are closer than this are one, in seconds."""


class Speech:
    """Searches one channel at `RATE` for speech."""

    def __init__(self) -> None:
        import numpy as np

        self._kept = np.zeros(0, np.float32)
        self._at = 0.0
        self._spans: list[tuple[float, float]] = []

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Add the next samples."""
        import numpy as np

        self._kept = np.concatenate((self._kept, samples))
        while len(self._kept) >= WINDOW:
            self._search(self._kept[:WINDOW])
            self._kept = self._kept[WINDOW:]

    def spans(self) -> list[tuple[float, float]]:
        """After the last sample, the spans with speech, in seconds."""
        if self._kept.size:
            self._search(self._kept)
        joined: list[tuple[float, float]] = []
        for start, end in self._spans:
            if joined and start - joined[-1][1] < JOINED:
                joined[-1] = (joined[-1][0], end)
            else:
                joined.append((start, end))
        return [(round(start, 3), round(end, 3)) for start, end in joined]

    def _search(self, samples: NDArray[np.float32]) -> None:
        from faster_whisper.vad import VadOptions

        settings = VadOptions(min_silence_duration_ms=300, speech_pad_ms=100)
        self._spans += [(self._at + start, self._at + end) for start, end in spoken(samples, settings)]
        self._at += len(samples) / RATE
