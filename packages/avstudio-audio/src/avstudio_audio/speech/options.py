"""How to transcribe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Mode = Literal["accurate", "batched"]
Clip = tuple[tuple[float, float], ...]
"""Spans of a recording in seconds, half-open, in the order of time."""


@dataclass(frozen=True, slots=True)
class Vad:
    """The settings of Silero VAD; times in seconds."""

    threshold: float = 0.5
    neg_threshold: float | None = None
    min_speech: float = 0.0
    max_speech: float | None = None
    min_silence: float = 2.0
    padding: float = 0.4

    def silero(self) -> Any:
        """The settings as faster-whisper names them."""
        from faster_whisper.vad import VadOptions

        return VadOptions(
            threshold=self.threshold,
            neg_threshold=self.neg_threshold,
            min_speech_duration_ms=round(1000 * self.min_speech),
            max_speech_duration_s=float("inf") if self.max_speech is None else self.max_speech,
            min_silence_duration_ms=round(1000 * self.min_silence),
            speech_pad_ms=round(1000 * self.padding),
        )


@dataclass(frozen=True, slots=True)
class Options:
    """How to transcribe; what is not explained here is as in `WhisperModel.transcribe` of faster-whisper."""

    language: str | None = None
    """A code such as `en`; if it is `None`, the language is detected in the first speech."""
    languages: tuple[str, ...] = ()
    """The languages of which one is detected; empty means any."""
    task: Literal["transcribe", "translate"] = "transcribe"
    """`translate` writes English, whatever the spoken language."""
    mode: Mode = "accurate"
    """`batched` transcribes several windows at a time, without the text of the one before."""
    batch_size: int = 8
    beam_size: int = 5
    best_of: int = 5
    patience: float = 1.0
    length_penalty: float = 1.0
    repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    temperature: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    """Each is tried if the text of the one before is repetitive or improbable. Above 0, words are sampled, and
    the result depends on what the loaded model transcribed before."""
    compression_ratio_threshold: float = 2.4
    log_prob_threshold: float = -1.0
    no_speech_threshold: float = 0.6
    condition_on_previous_text: bool = True
    prompt_reset_on_temperature: float = 0.5
    prefix: str | None = None
    suppress_tokens: tuple[int, ...] = (-1,)
    suppress_numerals: bool = False
    """Write numbers as words."""
    max_new_tokens: int | None = None
    hallucination_silence_threshold: float | None = None
    multilingual: bool = False
    language_detection_segments: int = 1
    language_detection_threshold: float = 0.5
    word_timestamps: bool = True
    vad: bool = False
    """Skip what Silero VAD does not recognise as speech."""
    vad_settings: Vad = Vad()
    clip: Clip = ()
    """The spans to transcribe, on the clock of the sound; empty means all of it."""
    prompt: str | None = None
    """A text that precedes the transcript: it sets spelling and style."""
    hotwords: tuple[str, ...] = ()
    """Names and terms to expect in every window."""


ONLY_ACCURATE = frozenset(
    (
        "condition_on_previous_text",
        "prompt_reset_on_temperature",
        "compression_ratio_threshold",
        "log_prob_threshold",
        "no_speech_threshold",
        "hallucination_silence_threshold",
        "prefix",
        "best_of",
    )
)
"""Options that have no effect in batches."""
