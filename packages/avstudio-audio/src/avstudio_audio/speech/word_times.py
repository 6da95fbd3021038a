"""The times of words, without the digital silence around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from avstudio_audio.speech.spans import RATE
from avstudio_core.spans import Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from avstudio_core.documents.transcript import Transcript

LEAST = 0.05
"""In seconds: a shorter silence is part of a word."""


def without_silence(transcript: Transcript, sound: NDArray[np.float32], start: float) -> Transcript:
    """The transcript of mono sound at 16 kHz that begins at `start` seconds, on the clock of the transcript.

    Whisper often begins the first word after a silence too early. Digital silence shows where that is wrong.
    """

    def sounding(span: Span) -> Span:
        return _sounding(sound, span[0] - start, span[1] - start, start)

    segments = []
    for segment in transcript.segments:
        times = [sounding((word.start, word.end)) for word in segment.words]
        words = [
            word.model_copy(update={"start": begin, "end": end})
            for word, (begin, end) in zip(segment.words, times, strict=True)
        ]
        begin, end = sounding((segment.start, segment.end))
        segments.append(segment.model_copy(update={"start": begin, "end": end, "words": words}))
    return transcript.model_copy(update={"segments": segments})


def _sounding(sound: NDArray[np.float32], begin: float, end: float, start: float) -> Span:
    """A span without the digital silence at its ends, unless it has nothing else."""
    import numpy as np

    first, last = max(0, round(begin * RATE)), round(end * RATE)
    changes = np.flatnonzero(np.diff(sound[first:last]))
    if not changes.size:
        return begin + start, end + start
    found, until = (first + int(changes[0])) / RATE, (first + int(changes[-1]) + 2) / RATE
    return (found if found - begin >= LEAST else begin) + start, (until if end - until >= LEAST else end) + start
