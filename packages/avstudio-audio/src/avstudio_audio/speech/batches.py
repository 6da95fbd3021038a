"""The windows of a batched transcription, and its text as sentences.

faster-whisper cuts at pauses that a voice detector finds, which loses singing, and returns each window as one segment.
Here the windows cover all the sound, and segments are made again by the times of words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from avstudio_audio.speech.spans import RATE
from avstudio_core.documents.transcript import Segment, Word

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST, SHORTEST = 14.0, 8.0
"""A window ends at the quietest moment between these lengths, in seconds."""
FRAMES = 1500
"""Features of 10 ms that are encoded of a window. Whisper usually encodes 3000, but the work of its encoder grows with
the square of the length, and shorter windows have the same words."""
MOMENT = RATE // 20
"""In samples: 50 ms. Two beside each other are compared."""
PAUSE = 0.8
"""Seconds between two words at which a segment ends."""
MOST_SECONDS, FEWEST_SECONDS = 12.0, 1.0
"""A longer segment is divided at its longest pause; a sentence shorter than the second is joined with the next one."""
_SENTENCE_END = re.compile(r"[.!?…。！？]['\"”’»)\]」』]*$")


def windows(sound: NDArray[np.float32], spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Spans in seconds, divided at quiet moments into windows that the model can take."""
    return [window for start, end in spans for window in _divided(sound, start, end)]


def _divided(sound: NDArray[np.float32], start: float, end: float) -> Iterator[tuple[float, float]]:
    while end - start > LONGEST:
        cut = _quietest(sound, start + SHORTEST, start + LONGEST)
        yield start, cut
        start = cut
    if end > start:
        yield start, end


def _quietest(sound: NDArray[np.float32], begin: float, end: float) -> float:
    """The time of the quietest moment within a span."""
    import numpy as np

    part = sound[round(begin * RATE) : round(end * RATE)]
    blocks = part[: len(part) // MOMENT * MOMENT].reshape(-1, MOMENT)
    power = np.square(blocks, dtype=np.float32).mean(axis=1)
    pairs = power[:-1] + power[1:]
    return begin + (int(pairs.argmin()) + 1) * MOMENT / RATE


def encoded(encode: Callable[[NDArray[np.float32]], Any], batch: NDArray[np.float32], device: str) -> Any:
    """What the encoder makes of the features of windows, `(windows, mels, frames)`, that are padded at their ends.

    On a CPU, one after the other is faster: what a layer computes stays in the caches.
    """
    import ctranslate2
    import numpy as np

    short = np.ascontiguousarray(batch[..., :FRAMES])
    if device != "cpu":
        return encode(short)
    return ctranslate2.StorageView.from_array(np.concatenate([np.asarray(encode(one)) for one in short]))


def sentences(segments: Sequence[Segment]) -> list[Segment]:
    """The segments, divided at the ends of sentences, at pauses, and where they are too long."""
    parts = [(segment, words) for segment in segments for words in _parts(segment.words)]
    return [_segment(number, segment, words) for number, (segment, words) in enumerate(parts)]


def _segment(number: int, segment: Segment, words: Sequence[Word]) -> Segment:
    if not words:
        return segment.model_copy(update={"id": number})
    text = "".join(word.text for word in words).strip()
    times = {"start": words[0].start, "end": max(words[-1].end, words[0].start)}
    return segment.model_copy(update={"id": number, "text": text, "words": list(words), **times})


def _parts(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    if not words:
        yield words
    begin = 0
    for end in range(1, len(words) + 1):
        if end == len(words) or _ends(words, begin, end):
            yield from _short(words[begin:end])
            begin = end


def _ends(words: Sequence[Word], begin: int, end: int) -> bool:
    """Whether a segment ends before word `end`."""
    if words[end].start - words[end - 1].end >= PAUSE:
        return True
    long_enough = words[end - 1].end - words[begin].start >= FEWEST_SECONDS
    return long_enough and bool(_SENTENCE_END.search(words[end - 1].text))


def _short(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    """The words, divided at their longest pauses until no part is too long."""
    if len(words) < 2 or words[-1].end - words[0].start <= MOST_SECONDS:
        yield words
        return
    middle = (words[0].start + words[-1].end) / 2
    at = max(range(1, len(words)), key=lambda n: (words[n].start - words[n - 1].end, -abs(words[n].start - middle)))
    yield from _short(words[:at])
    yield from _short(words[at:])
