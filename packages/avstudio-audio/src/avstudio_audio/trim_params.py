"""The parameters of `audio.trim`."""

from __future__ import annotations

from pydantic import Field, field_validator

from avstudio_audio.encoding_params import EncodingParams
from avstudio_core import Artifact
from avstudio_core.documents.transcript import MEDIA_TYPE
from avstudio_core.errors import InvalidParams
from avstudio_core.spans import WHOLE, Span, checked_spans, kept_spans, one_span, span_of
from avstudio_core.time_param import Time


class TrimParams(EncodingParams):
    """Which parts to keep."""

    start: Time = Field(
        default=0.0, description="Start of the kept part, such as 90 or 1:30.", json_schema_extra={"unit": "s"}
    )
    end: Time | None = Field(
        default=None, description="End of the kept part, half-open.", json_schema_extra={"unit": "s"}
    )
    keep: list[str] = Field(
        default=[], description="Several parts to keep, joined in order.", examples=["10-20.5", "1:30-2:00", "90-"]
    )
    remove: list[str] = Field(default=[], description="Parts to leave out.", examples=["10-20.5", "-5"])
    transcript: Artifact | None = Field(
        default=None,
        description="A transcript with times of words, as audio.transcribe makes it.",
        json_schema_extra={"accepts": [MEDIA_TYPE, "application/json", "text/*"]},
    )
    fillers: bool = Field(
        default=False, description="Leave out the filler words of the transcript's language, such as 'um'."
    )
    remove_phrases: list[str] = Field(
        default=[],
        max_length=1000,
        description="Words or phrases of the transcript to leave out, wherever they are said.",
        examples=["you know"],
    )
    sentences: bool = Field(default=False, description="Leave out the whole sentences in which the phrases are.")
    fade: float = Field(
        default=0.0, ge=0, le=60_000, description="Fades at each join.", json_schema_extra={"unit": "ms"}
    )
    fade_in: float = Field(
        default=0.0, ge=0, le=600_000, description="Fade at the start.", json_schema_extra={"unit": "ms"}
    )
    fade_out: float = Field(
        default=0.0, ge=0, le=600_000, description="Fade at the end.", json_schema_extra={"unit": "ms"}
    )
    silence: float | None = Field(
        default=None,
        ge=-120,
        lt=0,
        description="Remove sound below this level at both ends.",
        json_schema_extra={"unit": "dBFS"},
    )
    stream_copy: bool = Field(
        default=False,
        description="Copy one part without encoding. It is cut between packets, and begins a little earlier.",
    )

    @field_validator("keep", "remove")
    @classmethod
    def _are_spans(cls, value: list[str]) -> list[str]:
        return checked_spans(value)

    def check(self) -> None:
        """Raise `InvalidParams` for parameters that need others, or exclude each other."""
        processed = self.fade or self.fade_in or self.fade_out or self.silence is not None
        if self.stream_copy and (len(self.spans()) > 1 or processed or self.names_words):
            raise InvalidParams("'stream_copy' copies one part, without fades.", hint="Leave out one of them.")
        if self.names_words and self.transcript is None:
            raise InvalidParams("Words need a transcript.", hint="Give 'transcript', made by audio.transcribe.")
        if self.sentences and not self.names_words:
            hint = "Give 'remove_phrases', or 'fillers'."
            raise InvalidParams("'sentences' takes out sentences around words, but no words are named.", hint=hint)

    @property
    def names_words(self) -> bool:
        """Whether words are left out."""
        return self.fillers or bool(self.remove_phrases)

    def spans(self, words: list[Span] | None = None) -> list[Span]:
        """The kept parts in order, without those with the `words`. Raises `InvalidParams`."""
        one = one_span(self.start, self.end)
        if self.keep and one != WHOLE:
            raise InvalidParams("'keep' cannot be combined with 'start' and 'end'.", hint="Give all parts with 'keep'.")
        removed = [*map(span_of, self.remove), *(words or [])]
        spans = kept_spans([span_of(text) for text in self.keep] or [one], removed)
        if not spans:
            raise InvalidParams("No part is left.", hint="Remove less, or keep more.")
        return spans
