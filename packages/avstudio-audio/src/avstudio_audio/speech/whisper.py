"""Whisper through faster-whisper, on sound that is already decoded.

Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_audio.speech.batches import encoded, sentences, windows
from avstudio_audio.speech.features import frugal
from avstudio_audio.speech.options import Options
from avstudio_audio.speech.prompt import check_length, joined, room_for_hotwords
from avstudio_audio.speech.spans import RATE, common, spoken
from avstudio_audio.speech.spoken_parts import language_from_speech, only_languages, sounding
from avstudio_audio.speech.voice import Voice
from avstudio_core.documents.transcript import UNKNOWN_LANGUAGE, Segment, Transcript, Word
from avstudio_core.errors import (
    InvalidInput,
    MissingDependency,
    NotFound,
    TaskCancelled,
    Unavailable,
    WeightsMissing,
)
from avstudio_core.spans import Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SEED = 1
NUMERALS = frozenset("0123456789%$")
PREPARED = frozenset(
    ("languages", "mode", "batch_size", "suppress_numerals", "suppress_tokens", "vad", "vad_settings", "clip", "prompt")
)
"""Options that are not passed on as they are."""
FILES = ("model.bin", "config.json", "tokenizer.json")
"""The files that a model folder must have; faster-whisper would download a missing one from a hub."""


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
        voice: Voice | None = None,
    ) -> Transcript:
        """Transcribe speech or singing in `sound`, mono at 16 kHz, `(samples,)` or `(1, samples)`.

        `voice` is the separated voice of the same sound: only where it speaks is transcribed if `options.vad` is set,
        and it gives the times of words if it says so. `progress` is called with the finished part, 0 to 1. Raises
        `TaskCancelled` within one window of 30 s (in batches: one batch) after `cancelled` becomes true, `NotFound` for
        a language that the model does not know, `InvalidParams` for a prompt and hotwords that are too long.
        """
        self._check(sound, options)
        mono = sound.reshape(-1)
        spans = _spans(mono, options, voice)
        if spans is not None and not spans:
            progress(1.0)
            return _nothing(mono, options)
        segments: list[Segment] = []
        with ExitStack() as patches:
            patches.enter_context(_interrupted(self._model, cancelled))
            patches.enter_context(only_languages(self._model, options.languages))
            if spans is not None:  # the library's own voice detector has already removed what is not speech
                first = spans[0][0]
                patches.enter_context(language_from_speech(self._model, mono, first))
            if voice is not None and voice.align:
                patches.enter_context(_aligned_to(self._model, voice.sound))
            found, facts = self._found(mono, options, spans)
            for segment in found:
                segments.append(_segment(segment, facts.duration))
                progress(segments[-1].end / facts.duration)
        progress(1.0)
        if options.mode == "batched":
            segments = sentences(segments)
        if not options.word_timestamps:
            segments = [segment.model_copy(update={"words": []}) for segment in segments]
        return Transcript(
            language=facts.language,
            language_probability=_probability(facts.language_probability),
            duration=facts.duration,
            segments=segments,
        )

    def _check(self, sound: NDArray[np.float32], options: Options) -> None:
        if sound.shape not in ((sound.size,), (1, sound.size)):
            raise InvalidInput(f"Whisper needs one channel, not the shape {sound.shape}.")
        for language in (options.language, *options.languages):
            if language is not None and language not in self.languages:
                see = "Whisper's codes have two or three letters, such as 'en' or 'yue'."
                raise NotFound.among("language", language, self.languages, see=see)
        check_length(self._model, options.prompt, options.hotwords)

    def _found(self, mono: NDArray[np.float32], options: Options, spans: list[Span] | None) -> tuple[Any, Any]:
        """The segments of the library, and its facts about all of them."""
        arguments = {**_arguments(options), "suppress_tokens": self._suppressed(options)}
        if options.mode == "accurate":
            whole = spans is None or spans == [(0.0, len(mono) / RATE)]
            clips = "0" if whole or spans is None else [time for span in spans for time in span]
            settings = options.vad_settings.silero() if spans is None else None
            return self._model.transcribe(  # type: ignore[no-any-return]
                mono, clip_timestamps=clips, vad_filter=spans is None, vad_parameters=settings, **arguments
            )
        from faster_whisper import BatchedInferencePipeline

        arguments |= {"word_timestamps": True, "without_timestamps": True, "batch_size": options.batch_size}
        parts = windows(mono, spans or [(0.0, len(mono) / RATE)])
        arguments["clip_timestamps"] = [{"start": start, "end": end} for start, end in parts]
        found: tuple[Any, Any] = BatchedInferencePipeline(self._model).transcribe(mono, **arguments)
        return found

    def _suppressed(self, options: Options) -> list[int]:
        if not options.suppress_numerals:
            return list(options.suppress_tokens)
        vocabulary = self._model.hf_tokenizer.get_vocab().items()
        numerals = [token for text, token in vocabulary if any(sign in NUMERALS for sign in text) and "<|" not in text]
        return [*options.suppress_tokens, *sorted(numerals)]


def _spans(mono: NDArray[np.float32], options: Options, voice: Voice | None) -> list[Span] | None:
    """What is transcribed; `None` leaves it to the library's voice detector, which joins the parts with speech."""
    whole = [(0.0, len(mono) / RATE)]
    if options.vad and not options.clip and voice is None and options.mode == "accurate":
        return None
    if options.vad:
        settings = options.vad_settings.silero()
        parts = spoken(mono, settings) if voice is None else voice.spans(mono, settings)
    else:
        points = sounding(mono)
        parts = list(zip(points[::2], points[1::2], strict=True)) or whole
    return common(parts, options.clip or whole)


def _nothing(mono: NDArray[np.float32], options: Options) -> Transcript:
    """The transcript of a sound of which no part is transcribed."""
    language = options.language or UNKNOWN_LANGUAGE
    return Transcript(language=language, language_probability=0.0, duration=len(mono) / RATE, segments=[])


def _patched(model: Any) -> Any:
    """The model, patched to allow word times in a last window of one frame (10 ms), where faster-whisper 1.2 fails.

    It also computes features in little memory, and makes space for hotwords.
    """
    frugal(model.feature_extractor)
    room_for_hotwords(model)
    align = model.find_alignment

    def aligned(tokenizer: Any, tokens: Any, encoded: Any, frames: int | list[int]) -> Any:
        least = [max(one, 2) for one in frames] if isinstance(frames, list) else max(frames, 2)
        return align(tokenizer, tokens, encoded, least)

    model.find_alignment = aligned
    return model


def _arguments(options: Options) -> dict[str, Any]:
    """The options as `WhisperModel.transcribe` names them, except those that `Whisper` prepares."""
    given = {name: value for name, value in asdict(options).items() if name not in PREPARED}
    return {**given, "initial_prompt": options.prompt, "hotwords": joined(options.hotwords) or None}


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
def _aligned_to(model: Any, voice: NDArray[np.float32]) -> Iterator[None]:
    """Make a `faster_whisper` model find the times of words in a separated voice, not in what it transcribes."""
    from faster_whisper.audio import pad_or_trim

    features = model.feature_extractor(voice)
    add_times = model.add_word_timestamps

    def in_voice(segments: Any, tokenizer: Any, encoded: Any, frames: Any, *args: Any, **options: Any) -> Any:
        if len(segments) == 1 and segments[0]:
            seek = segments[0][0]["seek"]
            encoded = model.encode(pad_or_trim(features[:, seek : seek + frames]))
        return add_times(segments, tokenizer, encoded, frames, *args, **options)

    model.add_word_timestamps = in_voice
    try:
        yield
    finally:
        del model.add_word_timestamps


@contextmanager
def _interrupted(model: Any, cancelled: Callable[[], bool]) -> Iterator[None]:
    """Check for cancellation before every window, since windows without words yield no segments.

    The first window is encoded once: faster-whisper 1.2 encodes it for its language, and again for its words.
    """
    encode = model.encode
    first: list[tuple[NDArray[np.float32], Any]] = []

    def looking_first(features: NDArray[np.float32]) -> Any:
        if cancelled():
            raise TaskCancelled("The transcription was cancelled.")
        if features.ndim == 3:
            return encoded(encode, features, model.model.device)
        if first and _equal(first[0][0], features):
            return first[0][1]
        found = encode(features)
        if not first:
            first.append((features, found))
        return found

    model.encode = looking_first
    try:
        yield
    finally:
        del model.encode


def _equal(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    import numpy as np

    return np.array_equal(one, other)
