"""Estimates of a recording's length, for plans that are made before it is opened."""

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
"""A common bit rate: without a known length, it is estimated from the file's size."""


def seconds_of(source: Artifact | None) -> float:
    """The stored length, or an estimate; 0 if neither is possible, for example for video."""
    if source is None:
        return 0.0
    if source.facts.duration is not None:
        return source.facts.duration
    density = BYTES_A_SECOND.get(source.media_type)
    return source.size / density if density else 0.0


def memory_mb(source: Artifact | None, mb_a_second: float) -> int:
    """Memory for a recording besides the model, rounded up in steps, so that a warm worker can take most others."""
    return STEP_MB * round(seconds_of(source) * mb_a_second / STEP_MB)
