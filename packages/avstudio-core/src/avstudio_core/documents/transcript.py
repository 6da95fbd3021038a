"""Transcripts: text with times."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from avstudio_core.errors import UnreadableMedia
from avstudio_core.validation import problems

MEDIA_TYPE = "application/vnd.avstudio.transcript+json"
"""The media type of a `Transcript` as JSON."""
UNKNOWN_LANGUAGE = "und"
"""The code in BCP 47 for an undetermined language."""


class Word(BaseModel):
    """One word, with its punctuation."""

    model_config = ConfigDict(frozen=True)

    start: float = Field(ge=0, allow_inf_nan=False, description="Begin.", json_schema_extra={"unit": "s"})
    end: float = Field(ge=0, allow_inf_nan=False, description="End.", json_schema_extra={"unit": "s"})
    text: str = Field(description="The word, with the space before it if there is one: ` word`.")
    probability: float | None = Field(default=None, ge=0, le=1, description="Probability of the word.")


class Segment(BaseModel):
    """A part of the speech, about a sentence."""

    model_config = ConfigDict(frozen=True)

    id: int = Field(ge=0, description="Its number in the transcript.")
    start: float = Field(ge=0, allow_inf_nan=False, description="Begin.", json_schema_extra={"unit": "s"})
    end: float = Field(ge=0, allow_inf_nan=False, description="End.", json_schema_extra={"unit": "s"})
    text: str = Field(description="Its text.")
    words: list[Word] = Field(default=[], description="Its words, if they have times.")
    speaker: str | None = Field(default=None, description="Who speaks, if that is known.")
    avg_logprob: float = Field(default=0.0, allow_inf_nan=False, description="Mean log probability of the tokens.")
    no_speech_prob: float = Field(default=0.0, ge=0, le=1, description="Probability that there is no speech.")
    compression_ratio: float = Field(
        default=1.0,
        ge=0,
        allow_inf_nan=False,
        description="Compression ratio of the text (zlib); high if the text repeats itself.",
    )


class Transcript(BaseModel):
    """The speech in a recording as text."""

    model_config = ConfigDict(frozen=True)

    language: str = Field(description="ISO 639 code, such as `en`.")
    language_probability: float = Field(default=1.0, ge=0, le=1, description="Probability of the language.")
    duration: float = Field(
        ge=0, allow_inf_nan=False, description="End of the recording.", json_schema_extra={"unit": "s"}
    )
    segments: list[Segment] = Field(description="In the order of time.")

    @classmethod
    def parse(cls, text: str) -> Transcript:
        """Parse JSON, also from other programs: it needs only `segments` with `start`, `end` and `text`.

        Words are used only if all words of a segment have times. Raises `UnreadableMedia` with the place.
        """
        from pydantic_core import from_json

        try:
            return cls.model_validate(_completed(from_json(text)))
        except ValidationError as error:
            raise UnreadableMedia(f"It is not a transcript: {problems(error)}.") from None
        except ValueError as error:
            raise UnreadableMedia(f"It is not a transcript: it is not JSON ({error}).") from None

    def written(self) -> str:
        """As JSON, without the fields that are not known."""
        return self.model_dump_json(indent=1, exclude_none=True)

    @property
    def text(self) -> str:
        """The text of all segments in one line."""
        return " ".join(text for segment in self.segments if (text := segment.text.strip()))

    def shifted(self, seconds: float) -> Transcript:
        """The same transcript, later by so many seconds, for sound that starts after the video."""
        segments = [
            _later(segment, seconds).model_copy(update={"words": [_later(word, seconds) for word in segment.words]})
            for segment in self.segments
        ]
        return self.model_copy(update={"segments": segments, "duration": max(0.0, self.duration + seconds)})


Timed = TypeVar("Timed", Word, Segment)


def _later(timed: Timed, seconds: float) -> Timed:
    return timed.model_copy(update={"start": timed.start + seconds, "end": timed.end + seconds})


def _completed(data: Any) -> Any:
    """The data of a file, with defaults for values that other programs may leave out."""
    if not isinstance(data, dict) or not isinstance(data.get("segments"), list):
        return data
    segments = [_segment(number, one) for number, one in enumerate(data["segments"])]
    ends = [one["end"] for one in segments if isinstance(one, dict) and isinstance(one.get("end"), int | float)]
    return {"language": UNKNOWN_LANGUAGE, "duration": max(ends, default=0.0)} | _given(data) | {"segments": segments}


def _segment(number: int, data: Any) -> Any:
    if not isinstance(data, dict):
        return data
    given = _given(data)
    words = given.pop("words", None) or []
    timed = isinstance(words, list) and all(map(_has_times, words))
    return {"id": number, **given, "words": [{"text": word.get("word"), **word} for word in words] if timed else []}


def _has_times(word: Any) -> bool:
    return isinstance(word, dict) and {"start", "end"} <= _given(word).keys()


def _given(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if value is not None}
