"""Is a transcript what was said, or a model talking to itself? Heuristics over the text and two facts of the sound."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from avstudio_core.kinds.processor import CodedWarning

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from avstudio_audio.speech.transcript import Segment, Transcript

COMPRESSION = 3.0
"""Text that zlib shrinks more repeats itself. Whisper tries another temperature from 2.4 on, which people who say a
sentence thrice within half a minute reach, too."""
LONGEST_PHRASE = 30
"""The longest phrase looked for, in words."""
TIMES_IN_A_ROW = 6
"""A refrain comes four times running, rarely five; a model in a loop does not stop there."""
WORDS_IN_A_ROW = 30
"""Fewer words than this are no loop, however often the phrase comes: "na na na na na na"."""
AUDIBLE_DBFS = -50.0
SPEECH_SECONDS = 1.0
WORD = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff]|[^\W_]+(?:['’][^\W_]+)*")
"""A word; in the scripts that put no spaces between words, a character."""


@dataclass(frozen=True, slots=True)
class SoundFacts:
    """What there was to hear."""

    level_dbfs: float
    """Root mean square: a full-scale square wave has 0 dBFS, silence minus infinity."""
    speech_seconds: float | None
    """As Silero VAD hears it; `None` where it is not installed."""


@dataclass(frozen=True, slots=True)
class Loop:
    """A phrase that comes again and again without a break, and where, in seconds."""

    phrase: str
    times: int
    start: float
    end: float


def sound_facts(sound: NDArray[np.float32]) -> SoundFacts:
    """The facts of mono sound at 16 kHz, `(samples,)`."""
    import numpy as np

    if not sound.any():
        return SoundFacts(float("-inf"), 0.0)
    level = 10 * float(np.log10(np.mean(np.square(sound), dtype=np.float64)))
    try:
        from faster_whisper.vad import VadOptions, get_speech_timestamps
    except ImportError:
        return SoundFacts(level, None)
    spans = get_speech_timestamps(sound, VadOptions(min_silence_duration_ms=500, speech_pad_ms=0))
    return SoundFacts(level, sum(span["end"] - span["start"] for span in spans) / 16_000)


def review(transcript: Transcript, hear: Callable[[], SoundFacts]) -> list[CodedWarning]:
    """What looks wrong: `repetition_loop` and `empty_transcript`, each with the evidence.

    `hear` gives the facts of the sound; it takes a while, and is asked only where there are no words.
    """
    messages = [("repetition_loop", message) for message in _repetitions(transcript.segments)]
    if not transcript.text:
        messages += [("empty_transcript", message) for message in _silence(hear())]
    return [CodedWarning(code=code, message=message) for code, message in messages]


def loops(segments: Sequence[Segment]) -> list[Loop]:
    """Phrases that come six times or more in a row, across segments too; case and punctuation are ignored."""
    spoken = [(word, segment) for segment in segments for word in WORD.findall(segment.text.casefold())]
    words = [word for word, _ in spoken]
    found: list[Loop] = []
    first = 0
    while first < len(words):
        length, times = _phrase(words, first)
        if times:
            last = first + length * times - 1
            phrase = " ".join(words[first : first + length])
            found.append(Loop(phrase, times, spoken[first][1].start, spoken[last][1].end))
        first += max(1, length * times)
    return found


def _phrase(words: Sequence[str], first: int) -> tuple[int, int]:
    """Length and count of the shortest phrase that loops from word `first` on; `(0, 0)` where none does."""
    for length in range(1, LONGEST_PHRASE + 1):
        end = first + length
        while end < len(words) and words[end] == words[end - length]:
            end += 1
        times = (end - first) // length
        if times >= TIMES_IN_A_ROW and times * length >= WORDS_IN_A_ROW:
            return length, times
    return 0, 0


def _repetitions(segments: Sequence[Segment]) -> Iterator[str]:
    found = loops(segments)
    for loop in found:
        yield f"'{loop.phrase}' comes {loop.times} times in a row from {loop.start:.1f} s to {loop.end:.1f} s."

    def suspicious(segment: Segment) -> bool:
        told = any(loop.start < segment.end and segment.start < loop.end for loop in found)
        return segment.compression_ratio > COMPRESSION and not told

    for repetitive, group in groupby(segments, suspicious):
        if repetitive:
            window = list(group)
            span = f"from {window[0].start:.1f} s to {window[-1].end:.1f} s"
            yield f"The text {span} repeats itself: it compresses {window[0].compression_ratio:.1f} times."


def _silence(facts: SoundFacts) -> Iterator[str]:
    if facts.level_dbfs < AUDIBLE_DBFS:
        return
    if facts.speech_seconds is None:
        yield f"No words, although there is sound at {facts.level_dbfs:.0f} dBFS."
    elif facts.speech_seconds >= SPEECH_SECONDS:
        heard = f"{facts.speech_seconds:.1f} s of speech in sound at {facts.level_dbfs:.0f} dBFS"
        yield f"No words, although there is {heard}."
