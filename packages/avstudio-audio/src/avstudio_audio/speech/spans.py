"""Spans of a recording."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE = 16_000
"""The sample rate of the speech models, in Hz."""
Span = tuple[float, float]
"""Start and end in seconds, half-open."""


def common(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What is in both lists, in the order of time."""
    return sorted(_overlaps(some, others))


def _overlaps(some: Sequence[Span], others: Sequence[Span]) -> Iterator[Span]:
    for one, other in product(some, others):
        start, end = max(one[0], other[0]), min(one[1], other[1])
        if start < end:
            yield start, end


def spoken(sound: NDArray[np.float32], settings: Any) -> list[Span]:
    """The parts of mono sound at 16 kHz in which Silero VAD recognises speech."""
    from faster_whisper.vad import get_speech_timestamps

    return [(span["start"] / RATE, span["end"] / RATE) for span in get_speech_timestamps(sound, settings)]
