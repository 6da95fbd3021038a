"""What was said, and when."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field

MEDIA_TYPE = "application/vnd.avstudio.transcript+json"
"""Of a `Transcript` as JSON."""


class Word(BaseModel):
    """One word, with the punctuation that belongs to it."""

    model_config = ConfigDict(frozen=True)

    start: float = Field(ge=0, allow_inf_nan=False, description="Begin.", json_schema_extra={"unit": "s"})
    end: float = Field(ge=0, allow_inf_nan=False, description="End.", json_schema_extra={"unit": "s"})
    text: str = Field(description="The word after the space that parts it from the one before, if one does: ` word`.")
    probability: float | None = Field(default=None, ge=0, le=1, description="How sure the model is of it.")


class Segment(BaseModel):
    """A stretch of speech, about a sentence."""

    model_config = ConfigDict(frozen=True)

    id: int = Field(ge=0, description="Its number in the transcript.")
    start: float = Field(ge=0, allow_inf_nan=False, description="Begin.", json_schema_extra={"unit": "s"})
    end: float = Field(ge=0, allow_inf_nan=False, description="End.", json_schema_extra={"unit": "s"})
    text: str = Field(description="What is said in it.")
    words: list[Word] = Field(default=[], description="Its words, where they were timed.")
    avg_logprob: float = Field(default=0.0, description="Mean log probability of the tokens.")
    no_speech_prob: float = Field(default=0.0, ge=0, le=1, description="How sure the model is that nobody speaks.")
    compression_ratio: float = Field(
        default=1.0, ge=0, description="How far zlib shrinks the text; high where it repeats."
    )


class Transcript(BaseModel):
    """All that was said in a recording."""

    model_config = ConfigDict(frozen=True)

    language: str = Field(description="ISO 639 code, such as `en`.")
    language_probability: float = Field(default=1.0, ge=0, le=1, description="How sure the model is of the language.")
    duration: float = Field(ge=0, description="Length of the recording.", json_schema_extra={"unit": "s"})
    segments: list[Segment] = Field(description="In the order of time.")

    @property
    def text(self) -> str:
        """All segments in one line."""
        return " ".join(text for segment in self.segments if (text := segment.text.strip()))

    def shifted(self, seconds: float) -> Transcript:
        """The same, later: for sound that starts after the picture does."""
        segments = [
            _later(segment, seconds).model_copy(update={"words": [_later(word, seconds) for word in segment.words]})
            for segment in self.segments
        ]
        return self.model_copy(update={"segments": segments})


Timed = TypeVar("Timed", Word, Segment)


def _later(timed: Timed, seconds: float) -> Timed:
    return timed.model_copy(update={"start": timed.start + seconds, "end": timed.end + seconds})
