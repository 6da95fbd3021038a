"""A transcript of a cut video: the words that are left, at their new times."""

from __future__ import annotations

from collections.abc import Iterator

from avstudio_core.documents.transcript import Segment, Transcript, Word
from avstudio_video.timeline.parts import Timeline


def moved_transcript(said: Transcript, timeline: Timeline) -> Transcript:
    """The words whose middle is kept; segments without times of words are kept if their own middle is."""
    segments = [*_segments(said, timeline)]
    return said.model_copy(update={"segments": segments, "duration": float(timeline.length)})


def _segments(said: Transcript, timeline: Timeline) -> Iterator[Segment]:
    number = 0
    for one in said.segments:
        words = [_moved(word, timeline) for word in one.words if _is_kept(word, timeline)]
        if not (words or (not one.words and _is_kept(one, timeline))):
            continue
        text = "".join(word.text for word in words) if words else one.text
        start, end = (words[0].start, words[-1].end) if words else _times(one, timeline)
        yield one.model_copy(update={"id": number, "start": start, "end": end, "text": text, "words": words})
        number += 1


def _is_kept(timed: Word | Segment, timeline: Timeline) -> bool:
    return timeline.keeps((timed.start + timed.end) / 2)


def _moved(word: Word, timeline: Timeline) -> Word:
    start, end = _times(word, timeline)
    return word.model_copy(update={"start": start, "end": end})


def _times(timed: Word | Segment, timeline: Timeline) -> tuple[float, float]:
    start = float(timeline.moved(timed.start))
    return start, max(start, float(timeline.moved(timed.end)))
