"""The parameters of a decoder of speech."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from avstudio_audio.speech.languages import CODES, whisper_language
from avstudio_audio.speech.options import ONLY_ACCURATE, Vad
from avstudio_audio.speech.prompt import LIMIT, surely_too_long
from avstudio_core import Params
from avstudio_core.errors import NotFound
from avstudio_core.refusal import value_refusal
from avstudio_core.spans import checked_spans, span_of
from avstudio_core.time_param import seconds

AUTO = "auto"
SECONDS: dict[str, JsonValue] = {"unit": "s"}
TIMES: dict[str, JsonValue] = {"items": {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}}
"""The schema of a list of times in seconds, and of spans as text."""
LONG_SECONDS = 600.0
"""In mode `auto`, a longer recording is transcribed in batches."""


class VadParams(Params):
    """Where Silero VAD recognises speech."""

    vad: bool = Field(
        default=False, description="Skip what Silero VAD does not recognise as speech; do not use it for singing."
    )
    vad_threshold: float = Field(default=0.5, gt=0, lt=1, description="Probability above which a moment is speech.")
    vad_neg_threshold: float | None = Field(
        default=None, gt=0, lt=1, description="Probability below which speech ends; by default 0.15 below the other."
    )
    vad_min_speech: float = Field(
        default=0.0, ge=0, le=60, description="Shorter speech is skipped.", json_schema_extra=SECONDS
    )
    vad_max_speech: float | None = Field(
        default=None, ge=1, le=3600, description="Longer speech is divided.", json_schema_extra=SECONDS
    )
    vad_min_silence: float = Field(
        default=2.0, ge=0, le=60, description="A shorter silence does not end speech.", json_schema_extra=SECONDS
    )
    vad_padding: float = Field(
        default=0.4, ge=0, le=10, description="Time around speech that is kept.", json_schema_extra=SECONDS
    )

    def vad_settings(self) -> Vad:
        return Vad(
            self.vad_threshold,
            self.vad_neg_threshold,
            self.vad_min_speech,
            self.vad_max_speech,
            self.vad_min_silence,
            self.vad_padding,
        )


class LanguageParams(Params):
    """Which language is spoken."""

    language: str | None = Field(
        default=None,
        description="A code such as en, or a name; detected if not given or 'auto'.",
        examples=[AUTO, *CODES.split()],
    )
    languages: list[str] = Field(default=[], description="Languages of which one is detected; any if none is given.")
    multilingual: bool = Field(default=False, description="Detect the language of each half minute again.")
    language_detection_segments: int = Field(
        default=1, ge=1, le=100, description="Half minutes in which the language is looked for."
    )
    language_detection_threshold: float = Field(
        default=0.5, ge=0, le=1, description="A language that is more probable is taken without looking further."
    )

    @field_validator("language")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        try:
            return whisper_language(value) if value is not None else None
        except NotFound as error:
            raise value_refusal(error.message, error.hint or "") from None

    @field_validator("languages")
    @classmethod
    def _all_known(cls, value: list[str]) -> list[str]:
        found = [cls._known(one) for one in value]
        return [one for one in found if one is not None]


class DecodeParams(VadParams, LanguageParams):
    """How speech becomes words."""

    task: Literal["transcribe", "translate"] = Field(default="transcribe", description="'translate' writes English.")
    mode: Literal["accurate", "batched", "auto"] = Field(
        default="accurate",
        description="'batched' transcribes several windows at a time, faster and without the text before each; "
        "'auto' does so for long recordings, and on a GPU.",
    )
    batch_size: int = Field(default=8, ge=1, le=64, description="Windows that are transcribed at a time in batches.")
    beam_size: int = Field(default=5, ge=1, le=20, description="Number of hypotheses in the search.")
    best_of: int = Field(default=5, ge=1, le=20, description="Number of samples at a temperature above 0.")
    patience: float = Field(default=1.0, gt=0, le=10, description="How much longer the search goes on.")
    length_penalty: float = Field(default=1.0, ge=0, le=10, description="Exponent by which long texts are preferred.")
    repetition_penalty: float = Field(default=1.0, ge=0.1, le=10, description="Above 1, words repeat less.")
    no_repeat_ngram_size: int = Field(default=0, ge=0, le=100, description="Phrases of so many tokens never repeat.")
    temperature: list[Annotated[float, Field(ge=0, le=1)]] = Field(
        default=[0.0, 0.2, 0.4, 0.6, 0.8, 1.0],
        min_length=1,
        max_length=20,
        description="Temperatures that are tried in turn while the text is repetitive or improbable.",
    )
    compression_ratio_threshold: float = Field(default=2.4, gt=0, description="A text with a higher one is repetitive.")
    log_prob_threshold: float = Field(default=-1.0, le=0, description="A text with a lower mean is improbable.")
    no_speech_threshold: float = Field(
        default=0.6, ge=0, le=1, description="An improbable text with a higher probability of no speech is left out."
    )
    condition_on_previous_text: bool = Field(default=True, description="Go on from the text of the window before.")
    prompt_reset_on_temperature: float = Field(
        default=0.5, ge=0, le=1, description="After a higher temperature, the text before is forgotten."
    )
    prompt: str | None = Field(
        default=None, description=f"A text that precedes the transcript: it sets spelling and style. {LIMIT}"
    )
    hotwords: list[str] = Field(default=[], description=f"Names and terms to expect. {LIMIT}")
    prefix: str | None = Field(default=None, description="The first words of the transcript.")
    suppress_tokens: list[int] = Field(default=[-1], description="Tokens that are never written; -1 means all marks.")
    suppress_numerals: bool = Field(default=False, description="Write numbers as words.")
    max_new_tokens: int | None = Field(default=None, ge=1, le=200, description="The most tokens of a window.")
    hallucination_silence_threshold: float | None = Field(
        default=None,
        gt=0,
        le=60,
        description="A longer silence around improbable words is skipped.",
        json_schema_extra=SECONDS,
    )
    word_timestamps: bool = Field(
        default=True, description="Add the times of each word, which also improves subtitles."
    )
    clip: list[Annotated[float, Field(ge=0, le=1e6)]] = Field(
        default=[],
        description="The spans to transcribe, such as 10-20.5, 1:30-2:00 or 90-; or start, end, start, end.",
        json_schema_extra=SECONDS | TIMES,
    )

    @field_validator("temperature", mode="before")
    @classmethod
    def _one_too(cls, value: Any) -> Any:
        return [value] if isinstance(value, int | float) and not isinstance(value, bool) else value

    @field_validator("clip", mode="before")
    @classmethod
    def _as_times(cls, value: Any) -> Any:
        times = [time for one in value for time in _times(one)] if isinstance(value, list) else value
        return times[:-1] if times and times[-1] == math.inf else times

    @field_validator("clip")
    @classmethod
    def _rises(cls, value: list[float]) -> list[float]:
        for one, other in pairwise(value):
            if one >= other:
                raise ValueError(f"its times must rise: {other:g} s follows {one:g} s")
        return value

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if wrong := surely_too_long(self.prompt, self.hotwords):
            raise ValueError(wrong)
        if self.prefix and self.hotwords:
            raise ValueError("hotwords have no effect with a prefix: leave one of them out")
        if self.language and (self.languages or self.multilingual):
            raise ValueError("a language is given, so that none is detected: leave it, or the others, out")
        return self

    def in_batches(self, seconds: float | None, device: str) -> bool:
        """Whether a recording of that length is transcribed in batches."""
        long = seconds is not None and seconds > LONG_SECONDS
        return self.mode == "batched" or (self.mode == AUTO and (long or device == "cuda"))

    def without_effect(self, batched: bool) -> list[str]:
        """The parameters that were changed, and have no effect."""
        unused = ONLY_ACCURATE if batched else {"batch_size"} if self.mode == "accurate" else set()
        given = {name for name, field in type(self).model_fields.items() if getattr(self, name) != field.default}
        return sorted(unused & given)

    def spans(self, offset: float) -> tuple[tuple[float, float], ...]:
        """The spans of `clip`, on the clock of a sound that begins at `offset` seconds."""
        times = [*self.clip, 1e9] if len(self.clip) % 2 else self.clip
        shifted = [max(0.0, time - offset) for time in times]
        return tuple(zip(shifted[::2], shifted[1::2], strict=True))


def _times(given: Any) -> list[Any]:
    """The start and the end of a span that is given as text; a single time in seconds."""
    if not isinstance(given, str) or "-" not in given:
        return [seconds(given)]
    return [*span_of(*checked_spans([given]))]
