"""The parts of a recording with speech, for Whisper and for detecting the language."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from avstudio_audio.speech.spans import RATE, spoken

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK = RATE // 10
SILENT_SECONDS = 3.0
"""Digital silence longer than this is skipped, because Whisper would repeat earlier text in it."""
MARGIN = 0.2
"""Seconds of a skipped silence that are kept at each end."""
SURE = 0.8
"""If the language of the first half minute is less probable than this, it is detected again in the first speech."""
WINDOW = 30
ENOUGH = 2.0
"""Seconds of speech that a window needs for detecting the language."""
SEARCHED = 60
"""Length in seconds of the blocks that are searched for speech."""


def sounding(sound: NDArray[np.float32]) -> list[float]:
    """The parts between long digital silences, as one list: start, end, start, end …, in seconds.

    It is empty if there is no long silence, or only silence: then everything is transcribed.
    """
    import numpy as np

    count = len(sound) // BLOCK
    blocks = sound[: count * BLOCK].reshape(count, BLOCK)
    equal = (blocks.max(axis=1) == blocks.min(axis=1)) if count else np.zeros(0, bool)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], equal, [False])).astype(np.int8))) * BLOCK / RATE
    silences = [
        (max(start + MARGIN, 0.0), end - MARGIN)
        for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
        if end - start >= SILENT_SECONDS
    ]
    whole = len(sound) / RATE
    if not silences or equal.all():
        return []
    points = [0.0, *(time for silence in silences for time in silence), whole]
    if silences[0][0] <= MARGIN:  # it begins with silence
        points = points[2:]
    if whole - silences[-1][1] <= MARGIN + BLOCK / RATE:  # it ends with silence
        points = points[:-2]
    return points


def first_speech(sound: NDArray[np.float32]) -> float | None:
    """The start of the first half minute with speech, in seconds, by Silero VAD; `None` if there is no speech."""
    from faster_whisper.vad import VadOptions

    settings = VadOptions(min_silence_duration_ms=500, speech_pad_ms=100)
    spans: list[tuple[float, float]] = []
    for begin in range(0, len(sound), SEARCHED * RATE):
        part = sound[begin : begin + SEARCHED * RATE]
        spans += [(begin / RATE + start, begin / RATE + end) for start, end in spoken(part, settings)]
        for start, _ in spans:
            if _speech_within(spans, start) >= ENOUGH:
                return start
    return max((start for start, _ in spans), key=lambda start: _speech_within(spans, start), default=None)


def _speech_within(spans: list[tuple[float, float]], start: float) -> float:
    return sum(max(0.0, min(end, start + WINDOW) - max(begin, start)) for begin, end in spans)


@contextmanager
def language_from_speech(model: Any, sound: NDArray[np.float32], start: float) -> Iterator[None]:
    """Make a `faster_whisper` model detect an uncertain language in the first speech, not in what precedes it.

    `start` is where the transcript begins, in seconds.
    """
    detect: Callable[..., Any] = model.detect_language

    def from_speech(*, features: NDArray[np.float32], **options: Any) -> Any:
        features = features[..., : max(1, features.shape[-1] - 1)]  # the last frame is not transcribed, either
        found = detect(features=features, **options)
        speech = first_speech(sound[round(start * RATE) :]) if found[1] < SURE else None
        return detect(features=features[..., round(100 * speech) :], **options) if speech else found

    model.detect_language = from_speech
    try:
        yield
    finally:
        del model.detect_language


@contextmanager
def only_languages(model: Any, languages: Sequence[str]) -> Iterator[None]:
    """Make a `faster_whisper` model detect one of these languages, also for each window; any, if there are none."""
    every = model.model
    if languages:
        model.model = _Among(every, languages)
    try:
        yield
    finally:
        model.model = every


class _Among:
    """A `ctranslate2` model that detects one of some languages."""

    def __init__(self, model: Any, languages: Sequence[str]) -> None:
        self._model, self._tokens = model, {f"<|{language}|>" for language in languages}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def detect_language(self, encoded: Any) -> list[list[tuple[str, float]]]:
        """For each window, the languages and their shares of the probability, the most probable first."""
        return [self._shares(found) for found in self._model.detect_language(encoded)]

    def _shares(self, found: list[tuple[str, float]]) -> list[tuple[str, float]]:
        among = [(token, probability) for token, probability in found if token in self._tokens]
        total = max(sum(probability for _, probability in among), 1e-12)
        return [(token, probability / total) for token, probability in among]
