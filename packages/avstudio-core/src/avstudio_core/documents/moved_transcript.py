"""A transcript of a cut recording: the words that are left, at their new times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, SupportsFloat

from avstudio_core.documents.transcript import Segment, Transcript, Word


class Times(Protocol):
    """The times of a recording after it was cut, in seconds."""

    @property
    def length(self) -> SupportsFloat: ...

    def keeps(self, time: float) -> bool: ...

    def moved(self, time: float) -> SupportsFloat: ...


def moved_transcript(said: Transcript, times: Times) -> Transcript:
    """The words whose middle is kept; segments without times of words are kept if their own middle is."""
    segments = [*_segments(said, times)]
    return said.model_copy(update={"segments": segments, "duration": float(times.length)})


def _segments(said: Transcript, times: Times) -> Iterator[Segment]:
    number = 0
    for one in said.segments:
        words = [_moved(word, times) for word in one.words if _is_kept(word, times)]
        if not (words or (not one.words and _is_kept(one, times))):
            continue
        text = "".join(word.text for word in words) if words else one.text
        start, end = (words[0].start, words[-1].end) if words else _span(one, times)
        yield one.model_copy(update={"id": number, "start": start, "end": end, "text": text, "words": words})
        number += 1


def _is_kept(timed: Word | Segment, times: Times) -> bool:
    return times.keeps((timed.start + timed.end) / 2)


def _moved(word: Word, times: Times) -> Word:
    start, end = _span(word, times)
    return word.model_copy(update={"start": start, "end": end})


def _span(timed: Word | Segment, times: Times) -> tuple[float, float]:
    start = float(times.moved(timed.start))
    return start, max(start, float(times.moved(timed.end)))
