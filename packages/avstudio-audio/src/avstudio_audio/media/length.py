"""How long a recording will turn out to be, for plans that are made before it is opened."""

from __future__ import annotations

from avstudio_core import Artifact

STEP_MB = 256
BYTES_A_SECOND = {
    "audio/wav": 176_400,
    "audio/aiff": 176_400,
    "audio/flac": 100_000,
    "audio/mpeg": 24_000,
    "audio/mp4": 20_000,
    "audio/aac": 20_000,
    "audio/ogg": 20_000,
}
"""What is common: the length of a file that nobody looked into is a guess by its size."""


def seconds_of(source: Artifact | None) -> float:
    """The length on record, else a guess; 0 where there is nothing to go by, as with video."""
    if source is None:
        return 0.0
    if source.facts.duration is not None:
        return source.facts.duration
    density = BYTES_A_SECOND.get(source.media_type)
    return source.size / density if density else 0.0


def memory_mb(source: Artifact | None, mb_a_second: float) -> int:
    """What a recording's length takes beside the model, in steps: a worker that is warm then fits most of the next."""
    return STEP_MB * round(seconds_of(source) * mb_a_second / STEP_MB)
