"""The parts of a recording that are kept, as spans of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from avstudio_audio.media.labels import Chapter
from avstudio_core.spans import Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Cut = tuple[int, int]
"""A half-open range of samples."""


def cut(
    blocks: Iterable[NDArray[np.float32]], begin: int, cuts: Sequence[Cut], fades: Sequence[tuple[int, int]]
) -> Iterator[NDArray[np.float32]]:
    """The parts of blocks that are inside some ranges, in order; the first block begins at the sample `begin`.

    `fades` are the lengths of the fades at the start and the end of each range, in samples.
    """
    at = begin
    for block in blocks:
        for (low, high), fade in zip(cuts, fades, strict=True):
            first, last = max(low, at), min(high, at + block.shape[1])
            if first < last:
                yield _faded(block[:, first - at : last - at], first - low, high - first, fade)
        at += block.shape[1]


def moved_chapters(chapters: Iterable[Chapter], spans: Sequence[Span]) -> Iterator[Chapter]:
    """The chapters at their new times; those that are removed are left out."""
    for chapter in chapters:
        start, end = _moved(chapter.start, spans), _moved(chapter.end, spans)
        if start < end:
            yield Chapter(start, end, chapter.title)


def _moved(time: float, spans: Sequence[Span]) -> float:
    return sum(max(0.0, min(time, end) - start) for start, end in spans)


def _faded(block: NDArray[np.float32], since: int, until: int, fade: tuple[int, int]) -> NDArray[np.float32]:
    """A block that begins `since` samples after the start of its range and `until` before its end."""
    import numpy as np

    if since >= fade[0] and until - block.shape[1] >= fade[1]:
        return block
    place = np.arange(block.shape[1]) + 0.5
    rise = (since + place) / fade[0] if fade[0] else 1.0
    fall = (until - place) / fade[1] if fade[1] else 1.0
    faded: NDArray[np.float32] = block * np.clip(np.minimum(rise, fall), 0, 1).astype(np.float32)
    return faded
