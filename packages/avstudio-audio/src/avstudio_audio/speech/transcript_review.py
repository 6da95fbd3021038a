"""Checks whether a transcript is real or invented by the model, from the text and two facts about the sound."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from avstudio_audio.speech.spans import RATE, spoken
from avstudio_core import CodedWarning
from avstudio_core.spans import WHOLE, Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from avstudio_core.documents.transcript import Segment, Transcript

COMPRESSION = 3.0
"""A text with a higher compression ratio (zlib) repeats itself. Whisper tries another temperature above 2.4, but real
speech with a sentence three times in half a minute also reaches that."""
LONGEST_PHRASE = 100
"""The longest phrase that is searched for, in words."""
TIMES_IN_A_ROW = 6
"""Repeats in a row that count as a loop: a refrain has four, rarely five, but a model in a loop continues."""
WORDS_IN_A_ROW = 30
"""The least words of a loop, however often the phrase repeats: "na na na na na na" is not a loop."""
SEGMENTS_IN_A_ROW = 8
"""Repeats of a whole segment that count as a loop, however short it is: "Thank you." over applause."""
AUDIBLE_DBFS = -50.0
INAUDIBLE_DBFS = -60.0
"""Without a voice detector, words in sound below this level are doubted."""
QUIET_PEAK = 0.01
"""A recording with a peak below this (−40 dBFS) is amplified: Whisper's features end 100 dB below full scale."""
MOMENT = 160
"""In samples: 10 ms."""
CLICK_MOMENTS = 2
FAINTEST_PEAK = 1e-30
"""A peak below this is a rounding error, and too small for a gain in single precision."""
RAISED_PEAK = 0.5
CHARACTERS_A_SECOND = 25
"""The fastest speakers reach about 20."""
FEW_WORDS = 3
"""Fewer words than this may have too short times by accident."""
AROUND = 0.5
"""Seconds by which Whisper's times may differ from those of the words."""
SPOKEN_SECONDS = 0.1
SPEECH_SECONDS = 1.0
WORD = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff]|[^\W_]+(?:['’][^\W_]+)*")
"""A word; in scripts without spaces between words, a character."""


@dataclass(frozen=True, slots=True)
class SoundFacts:
    """Facts about the sound."""

    level_dbfs: float
    """Root mean square: a full-scale square wave has 0 dBFS, silence minus infinity."""
    speech_seconds: float | None
    """Seconds of speech by Silero VAD; `None` if it is not installed."""


@dataclass(frozen=True, slots=True)
class Loop:
    """A phrase that repeats without a break, with its start and end in seconds."""

    phrase: str
    times: int
    start: float
    end: float


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """The sound of a transcript, to check doubtful parts."""

    sound: NDArray[np.float32]
    """Mono at 16 kHz, `(samples,)`."""
    start: float = 0.0
    """Its start in seconds, on the transcript's clock."""
    gain_db: float = 0.0
    """The gain with which it was amplified; reported levels are those before."""

    def facts(self, start: float = 0.0, end: float = math.inf) -> SoundFacts:
        """The facts about all of it, or about a span."""
        facts = sound_facts(self._around(start, end))
        return replace(facts, level_dbfs=facts.level_dbfs - self.gain_db)

    def level_dbfs(self, start: float, end: float) -> float:
        return _level_dbfs(self._around(start, end)) - self.gain_db

    def silent(self, start: float, end: float) -> bool:
        """Whether a span is digital silence only, which means that all samples are equal."""
        sound = self._around(start, end)
        return not sound.size or bool(sound.min() == sound.max())

    def _around(self, start: float, end: float) -> NDArray[np.float32]:
        first, last = (RATE * (time - self.start) for time in (start - AROUND, end + AROUND))
        return self.sound[max(0, round(first)) : round(min(max(0, last), len(self.sound)))]


def raised(sound: NDArray[np.float32]) -> float:
    """Amplify a very quiet recording in place, whatever clicks it has; return the gain in dB."""
    low, high = (float(sound.min()), float(sound.max())) if sound.size else (0.0, 0.0)
    peak = max(high, -low) if max(high, -low) < QUIET_PEAK else _peak_without_clicks(sound)
    if low == high or not FAINTEST_PEAK < peak < QUIET_PEAK:
        return 0.0
    sound *= RAISED_PEAK / peak
    sound.clip(-1, 1, out=sound)
    return 20 * math.log10(RAISED_PEAK / peak)


def _peak_without_clicks(sound: NDArray[np.float32]) -> float:
    """The peak outside the loudest moments: a click is in two of them at most, a word in more."""
    import numpy as np

    flat = sound.reshape(-1)
    starts = np.arange(0, flat.size, MOMENT)
    peaks = np.maximum(np.maximum.reduceat(flat, starts), -np.minimum.reduceat(flat, starts))
    return float(np.sort(peaks)[-1 - CLICK_MOMENTS]) if peaks.size > CLICK_MOMENTS else float(peaks.max())


def sound_facts(sound: NDArray[np.float32]) -> SoundFacts:
    """The facts about mono sound at 16 kHz, `(samples,)`."""
    if not sound.any():
        return SoundFacts(float("-inf"), 0.0)
    level = _level_dbfs(sound)
    try:
        from faster_whisper.vad import VadOptions
    except ImportError:
        return SoundFacts(level, None)
    spans = spoken(sound, VadOptions(min_silence_duration_ms=500, speech_pad_ms=0))
    return SoundFacts(level, sum(end - start for start, end in spans))


def _level_dbfs(sound: NDArray[np.float32]) -> float:
    import numpy as np

    power = float(np.mean(np.square(sound), dtype=np.float64)) if sound.size else 0.0
    return 10 * math.log10(power) if power else float("-inf")


def without_inventions(transcript: Transcript, recording: Recording) -> tuple[Transcript, list[CodedWarning]]:
    """The transcript without invented segments.

    These are segments in digital silence, where Whisper often writes "You", and repeats that are faster than speech.
    """
    kept: list[Segment] = []
    warnings: list[CodedWarning] = []
    for number, segment in enumerate(transcript.segments):
        others = [*transcript.segments[:number], *transcript.segments[number + 1 :]]
        invented = _invention(segment, others, recording)
        if invented is None:
            kept.append(segment.model_copy(update={"id": len(kept)}))
        elif WORD.search(segment.text):
            warnings.append(invented)
    changed = len(kept) < len(transcript.segments)
    return (transcript.model_copy(update={"segments": kept}) if changed else transcript), warnings


def _invention(segment: Segment, others: Sequence[Segment], recording: Recording) -> CodedWarning | None:
    """Why a segment is invented, or `None`."""
    left_out = f"'{segment.text}' from {segment.start:.1f} s to {segment.end:.1f} s is left out"
    if recording.silent(segment.start, segment.end):
        return _warning("hallucinated_over_silence", f"{left_out}: the sound is digital silence.")
    if impossibly_fast(segment) and _repeats(segment, others):
        return _warning("hallucinated_repeat", f"{left_out}: it repeats other words, and is faster than speech.")
    return None


def impossibly_fast(segment: Segment) -> bool:
    """Whether words are faster than speech: they have no duration, or more than 25 characters a second."""
    if len(WORD.findall(segment.text)) < FEW_WORDS:
        return False
    instant = sum(word.end <= word.start for word in segment.words)
    text = segment.text.strip()
    return instant * 2 > len(segment.words) > 0 or len(text) > CHARACTERS_A_SECOND * (segment.end - segment.start)


def _repeats(segment: Segment, others: Sequence[Segment]) -> bool:
    """Whether the words of a segment are also in the others."""
    words = WORD.findall(segment.text.casefold())
    rest = WORD.findall(" ".join(one.text for one in others).casefold())
    return any(rest[at : at + len(words)] == words for at in range(len(rest) - len(words) + 1))


def review(transcript: Transcript, recording: Recording, spans: Sequence[Span] = (WHOLE,)) -> list[CodedWarning]:
    """What looks wrong in a transcript of some spans, with the evidence.

    The codes are `repetition_loop`, `impossible_speed` for words that are too fast, `empty_transcript`, and
    `hallucinated_over_silence` for words in near silence. The voice detector is slow, so it is used only if there are
    no words, or words in quiet sound.
    """
    findings = [_warning("repetition_loop", message) for message in _repetitions(transcript.segments)]
    if not findings:  # a loop is usually too fast, too
        findings = [_warning("impossible_speed", message) for message in _impossible(transcript.segments)]
    findings += [
        _warning("hallucinated_over_silence", message) for message in _inaudible(transcript.segments, recording)
    ]
    if not WORD.search(transcript.text):
        messages = (message for span in spans for message in _silence(recording.facts(*span)))
        findings += [_warning("empty_transcript", message) for message in messages]
    return findings


def _warning(code: str, message: str) -> CodedWarning:
    return CodedWarning(code=code, message=message)


def loops(segments: Sequence[Segment]) -> list[Loop]:
    """Phrases that repeat six times or more in a row, also across segments; case and punctuation are ignored.

    A short phrase is a loop only if it fills eight or more whole segments.
    """
    found = [*_phrase_loops(segments)]
    for loop in _segment_loops(segments):
        if not any(one.start < loop.end and loop.start < one.end for one in found):
            found.append(loop)
    return sorted(found, key=lambda loop: loop.start)


def _segment_loops(segments: Sequence[Segment]) -> Iterator[Loop]:
    for phrase, group in groupby(segments, lambda segment: " ".join(WORD.findall(segment.text.casefold()))):
        alike = list(group)
        if phrase and len(alike) >= SEGMENTS_IN_A_ROW:
            yield Loop(phrase, len(alike), alike[0].start, alike[-1].end)


def _phrase_loops(segments: Sequence[Segment]) -> Iterator[Loop]:
    spoken = [(word, segment) for segment in segments for word in WORD.findall(segment.text.casefold())]
    words = [word for word, _ in spoken]
    first = 0
    while first < len(words):
        length, times = _phrase(words, first)
        if times:
            last = first + length * times - 1
            phrase = " ".join(words[first : first + length])
            yield Loop(phrase, times, spoken[first][1].start, spoken[last][1].end)
        first += max(1, length * times)


def _phrase(words: Sequence[str], first: int) -> tuple[int, int]:
    """Length and count of the shortest phrase that loops from word `first` on, or `(0, 0)`."""
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
        yield f"'{loop.phrase}' repeats {loop.times} times in a row from {loop.start:.1f} s to {loop.end:.1f} s."

    def suspicious(segment: Segment) -> bool:
        in_loop = any(loop.start < segment.end and segment.start < loop.end for loop in found)
        return segment.compression_ratio > COMPRESSION and not in_loop

    for repetitive, group in groupby(segments, suspicious):
        if repetitive:
            window = list(group)
            span = f"from {window[0].start:.1f} s to {window[-1].end:.1f} s"
            yield f"The text {span} repeats itself: its compression ratio is {window[0].compression_ratio:.1f}."


def _impossible(segments: Sequence[Segment]) -> Iterator[str]:
    for segment in segments:
        if impossibly_fast(segment):
            span = f"from {segment.start:.1f} s to {segment.end:.1f} s"
            yield f"'{segment.text}' {span} is faster than speech."


def _inaudible(segments: Sequence[Segment], recording: Recording) -> Iterator[str]:
    """Words where the sound is too quiet and no voice is detected."""
    for segment in segments:
        if not WORD.search(segment.text) or recording.level_dbfs(segment.start, segment.end) >= AUDIBLE_DBFS:
            continue
        facts = recording.facts(segment.start, segment.end)
        voice = facts.speech_seconds
        if facts.level_dbfs < INAUDIBLE_DBFS if voice is None else voice < SPOKEN_SECONDS:
            span = f"from {segment.start:.1f} s to {segment.end:.1f} s"
            yield f"'{segment.text}' {span} is in near silence: {facts.level_dbfs:.0f} dBFS."


def _silence(facts: SoundFacts) -> Iterator[str]:
    if facts.level_dbfs < AUDIBLE_DBFS:
        return
    if facts.speech_seconds is None:
        yield f"No words, although there is sound at {facts.level_dbfs:.0f} dBFS."
    elif facts.speech_seconds >= SPEECH_SECONDS:
        speech = f"{facts.speech_seconds:.1f} s of speech in sound at {facts.level_dbfs:.0f} dBFS"
        yield f"No words, although there is {speech}."
