"""Whisper through faster-whisper, on sound that is already decoded.

Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from avstudio_audio.speech.features import frugal
from avstudio_audio.speech.prompt import check_length, joined, room_for_hotwords
from avstudio_audio.speech.spoken_parts import language_from_speech, sounding
from avstudio_core.documents.transcript import Segment, Transcript, Word
from avstudio_core.errors import (
    InvalidInput,
    MissingDependency,
    NotFound,
    TaskCancelled,
    Unavailable,
    WeightsMissing,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE = 16_000
"""The sample rate of Whisper's input, in Hz."""
SEED = 1
FILES = ("model.bin", "config.json", "tokenizer.json")
"""The files that a model folder must have; faster-whisper would download a missing one from a hub."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to transcribe."""

    language: str | None = None
    """A code such as `en`; if it is `None`, the language is detected in the first speech."""
    task: Literal["transcribe", "translate"] = "transcribe"
    """`translate` writes English, whatever the spoken language."""
    beam_size: int = 5
    word_timestamps: bool = True
    vad: bool = False
    """Skip what Silero VAD does not recognise as speech."""
    prompt: str | None = None
    """A text that precedes the transcript: it sets spelling and style."""
    hotwords: tuple[str, ...] = ()
    """Names and terms to expect in every window."""
    condition_on_previous_text: bool = True
    temperature: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    """Each is tried if the text of the one before is repetitive or improbable. Above 0, words are sampled, and
    the result depends on what the loaded model transcribed before."""


class Whisper:
    """A loaded model. It runs one transcription at a time."""

    def __init__(self, model: Any) -> None:
        """`model` is a `faster_whisper.WhisperModel`."""
        self._model = _patched(model)
        self.languages: tuple[str, ...] = tuple(model.supported_languages)
        self.compute_type: str = model.model.compute_type
        """The arithmetic that is really used; `auto` chooses the fastest of the device."""

    @classmethod
    def load(cls, folder: Path, device: str = "cpu", compute_type: str = "auto", threads: int = 0) -> Whisper:
        """Load a folder in CTranslate2's format; with `threads` 0, the library chooses their number.

        Raises `MissingDependency`, `WeightsMissing`, and `Unavailable` if the device does not support the arithmetic.
        """
        try:
            import ctranslate2
            from faster_whisper import WhisperModel
        except ImportError:
            raise MissingDependency.extra("Whisper", "avstudio-audio", "whisper") from None
        for name in FILES:
            if not (folder / name).is_file():
                raise WeightsMissing(f"'{folder}' is not a Whisper model for CTranslate2: '{name}' is missing.")
        # Sampling at temperatures above 0 starts from this seed in each new thread, so equal models start the same way.
        ctranslate2.set_random_seed(SEED)
        try:
            return cls(
                WhisperModel(
                    str(folder), device=device, compute_type=compute_type, cpu_threads=threads, local_files_only=True
                )
            )
        except Exception as error:  # the tokenizer's library raises no more specific error
            raise Unavailable(
                f"The Whisper model in '{folder}' does not load on '{device}' as '{compute_type}': {error}."
            ) from error

    def transcribe(
        self,
        sound: NDArray[np.float32],
        options: Options,
        *,
        progress: Callable[[float], None],
        cancelled: Callable[[], bool],
    ) -> Transcript:
        """Transcribe speech or singing in `sound`, mono at 16 kHz, `(samples,)` or `(1, samples)`.

        `progress` is called with the finished part, 0 to 1. Raises `TaskCancelled` within one window of 30 s after
        `cancelled` becomes true, `NotFound` for a language that the model does not know,
        `InvalidParams` for a prompt and hotwords that are too long.
        """
        if sound.shape not in ((sound.size,), (1, sound.size)):
            raise InvalidInput(f"Whisper needs one channel, not the shape {sound.shape}.")
        if options.language is not None and options.language not in self.languages:
            see = "Whisper's codes have two or three letters, such as 'en' or 'yue'."
            raise NotFound.among("language", options.language, self.languages, see=see)
        check_length(self._model, options.prompt, options.hotwords)
        segments: list[Segment] = []
        mono = sound.reshape(-1)
        parts = [] if options.vad else sounding(mono)
        with ExitStack() as patches:
            patches.enter_context(_interrupted(self._model, cancelled))
            if not options.vad:  # it has already removed what is not speech
                patches.enter_context(language_from_speech(self._model, mono, parts[0] if parts else 0.0))
            found, facts = self._model.transcribe(mono, clip_timestamps=parts or "0", **_arguments(options))
            for segment in found:
                segments.append(_segment(segment, facts.duration))
                progress(segments[-1].end / facts.duration)
        progress(1.0)
        return Transcript(
            language=facts.language,
            language_probability=_probability(facts.language_probability),
            duration=facts.duration,
            segments=segments,
        )


def _patched(model: Any) -> Any:
    """The model, patched to allow word times in a last window of one frame (10 ms), where faster-whisper 1.2 fails.

    It also computes features in little memory, and makes space for hotwords.
    """
    frugal(model.feature_extractor)
    room_for_hotwords(model)
    align = model.find_alignment

    def aligned(tokenizer: Any, tokens: Any, encoded: Any, frames: int) -> Any:
        return align(tokenizer, tokens, encoded, max(frames, 2))

    model.find_alignment = aligned
    return model


def _arguments(options: Options) -> dict[str, Any]:
    """The options as `WhisperModel.transcribe` names them."""
    return {
        "language": options.language,
        "task": options.task,
        "beam_size": options.beam_size,
        "word_timestamps": options.word_timestamps,
        "vad_filter": options.vad,
        "initial_prompt": options.prompt,
        "hotwords": joined(options.hotwords) or None,
        "condition_on_previous_text": options.condition_on_previous_text,
        "temperature": options.temperature,
    }


def _segment(found: Any, duration: float) -> Segment:
    """A `faster_whisper` segment as a `Segment`, without times in the silence that pads the last window."""

    def within(time: float) -> float:
        return min(float(time), duration)

    return Segment(
        id=found.id,
        start=within(found.start),
        end=within(found.end),
        text=found.text.strip(),
        words=[
            Word(
                start=within(word.start),
                end=within(word.end),
                text=word.word,
                probability=_probability(word.probability),
            )
            for word in found.words or ()
        ],
        avg_logprob=float(found.avg_logprob),
        no_speech_prob=_probability(found.no_speech_prob),
        compression_ratio=float(found.compression_ratio),
    )


def _probability(value: float) -> float:
    """A float from 0 to 1: rounding in single precision can slightly exceed that range."""
    return min(max(float(value), 0.0), 1.0)


@contextmanager
def _interrupted(model: Any, cancelled: Callable[[], bool]) -> Iterator[None]:
    """Check for cancellation before every window, since windows without words yield no segments."""
    encode = model.encode

    def looking_first(features: NDArray[np.float32]) -> Any:
        if cancelled():
            raise TaskCancelled("The transcription was cancelled.")
        return encode(features)

    model.encode = looking_first
    try:
        yield
    finally:
        del model.encode
