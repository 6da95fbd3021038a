"""Spans of a recording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from avstudio_core.spans import Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE = 16_000
"""The sample rate of the speech models, in Hz."""


def common(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What is in both lists, in the order of time."""
    return sorted(_overlaps(some, others))


def _overlaps(some: Sequence[Span], others: Sequence[Span]) -> Iterator[Span]:
    for one, other in product(some, others):
        start, end = max(one[0], other[0]), min(one[1], other[1])
        if start < end:
            yield start, end


def joined(spans: Iterable[Span], pause: float) -> list[Span]:
    """The spans in the order of time; those with at most `pause` seconds between them as one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start - found[-1][1] <= pause:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def spoken(sound: NDArray[np.float32], settings: Any) -> list[Span]:
    """The parts of mono sound at 16 kHz in which Silero VAD recognises speech."""
    from faster_whisper.vad import get_speech_timestamps

    return [(span["start"] / RATE, span["end"] / RATE) for span in get_speech_timestamps(sound, settings)]
