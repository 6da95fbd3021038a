"""What was said, and when."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from avstudio_core.errors import UnreadableMedia
from avstudio_core.validation import problems

MEDIA_TYPE = "application/vnd.avstudio.transcript+json"
"""Of a `Transcript` as JSON."""
UNKNOWN_LANGUAGE = "und"
"""BCP 47's code where the language was not determined."""


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
    avg_logprob: float = Field(default=0.0, allow_inf_nan=False, description="Mean log probability of the tokens.")
    no_speech_prob: float = Field(default=0.0, ge=0, le=1, description="How sure the model is that nobody speaks.")
    compression_ratio: float = Field(
        default=1.0, ge=0, allow_inf_nan=False, description="How far zlib shrinks the text; high where it repeats."
    )


class Transcript(BaseModel):
    """All that was said in a recording."""

    model_config = ConfigDict(frozen=True)

    language: str = Field(description="ISO 639 code, such as `en`.")
    language_probability: float = Field(default=1.0, ge=0, le=1, description="How sure the model is of the language.")
    duration: float = Field(
        ge=0, allow_inf_nan=False, description="Length of the recording.", json_schema_extra={"unit": "s"}
    )
    segments: list[Segment] = Field(description="In the order of time.")

    @classmethod
    def parse(cls, text: str) -> Transcript:
        """Read JSON, of other programs too: all it needs is `segments` with `start`, `end` and `text`.

        Words count only where all words of their segment have times. Raises `UnreadableMedia`, with the place.
        """
        from pydantic_core import from_json

        try:
            return cls.model_validate(_completed(from_json(text)))
        except ValidationError as error:
            raise UnreadableMedia(f"It is not a transcript: {problems(error)}.") from None
        except ValueError as error:
            raise UnreadableMedia(f"It is not a transcript: it is not JSON ({error}).") from None

    def written(self) -> str:
        """As JSON."""
        return self.model_dump_json(indent=1)

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


def _completed(data: Any) -> Any:
    """What a file holds, with the values that our own files give and others may leave out."""
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
