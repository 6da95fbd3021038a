"""The parameters of `video.cut`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue, field_validator

from avstudio_core import Artifact
from avstudio_core.documents import scenes, transcript
from avstudio_core.errors import InvalidParams
from avstudio_core.spans import checked_spans
from avstudio_core.time_param import Time
from avstudio_video.exports.media_types import EditListName
from avstudio_video.film_params import FilmParams

SECONDS: dict[str, JsonValue] = {"unit": "s"}


class CutParams(FilmParams):
    """What to keep, and what to remove from it."""

    keep: list[str] = Field(
        default=[],
        max_length=10_000,
        description="Parts to keep; without any, everything that is not removed.",
        examples=["10-20.5", "1:30-2:00", "90-"],
    )
    remove: list[str] = Field(
        default=[], max_length=10_000, description="Parts to leave out.", examples=["10-20.5", "-5"]
    )
    scenes: Artifact | None = Field(
        default=None,
        description="A document of scenes, as video.analyze makes it.",
        json_schema_extra={"accepts": [scenes.MEDIA_TYPE, "application/json", "text/*"]},
    )
    keep_scenes: list[str] = Field(
        default=[],
        max_length=10_000,
        description="Scenes to keep, by their number in the document, from 0.",
        examples=["0", "3-5"],
    )
    remove_scenes: list[str] = Field(
        default=[], max_length=10_000, description="Scenes to leave out, by their number.", examples=["0", "3-5"]
    )
    silence: float | None = Field(
        default=None,
        ge=-120,
        lt=0,
        description="Leave out the time in which the sound is below this level.",
        json_schema_extra={"unit": "dBFS"},
    )
    min_silence: Time = Field(
        default=0.5, ge=0.01, le=600, description="Shortest silence that is left out.", json_schema_extra=SECONDS
    )
    padding: Time = Field(
        default=0.1, le=60, description="Silence that stays before and after sound.", json_schema_extra=SECONDS
    )
    transcript: Artifact | None = Field(
        default=None,
        description="A transcript with times of words, as audio.transcribe makes it.",
        json_schema_extra={"accepts": [transcript.MEDIA_TYPE, "application/json", "text/*"]},
    )
    fillers: bool = Field(
        default=False, description="Leave out the filler words of the transcript's language, such as 'um'."
    )
    keep_phrases: list[str] = Field(
        default=[],
        max_length=1000,
        description="Phrases of the transcript to keep, wherever they are said.",
        examples=["ask not"],
    )
    remove_phrases: list[str] = Field(
        default=[],
        max_length=1000,
        description="Words or phrases of the transcript to leave out, wherever they are said.",
        examples=["you know"],
    )
    sentences: bool = Field(default=False, description="Take the whole sentences in which the phrases are.")
    handles: Time = Field(
        default=0.0,
        le=60,
        description="Time that is also kept before and after each part that is named to keep.",
        json_schema_extra=SECONDS,
    )
    mode: Literal["exact", "keyframe"] = Field(
        default="exact",
        description="Encode again, cut at the frame; or copy without loss, from the key frames before the parts on.",
    )
    render: bool = Field(default=True, description="Write the video, and not only the edit lists.")
    exports: list[EditListName] = Field(default=[], description="Edit lists to write, too.")
    reel: str = Field(
        default="AX", pattern=r"^[A-Z0-9_]{1,8}$", description="Name of the reel in an EDL: capitals, digits and '_'."
    )
    timecode: str | None = Field(
        default=None,
        description="Timecode of the first frame in exports; by default that of the file.",
        examples=["01:00:00:00"],
    )
    stream: int | None = Field(default=None, ge=0, le=9999, description="The video stream, as in video.probe.")

    @field_validator("keep", "remove")
    @classmethod
    def _are_spans(cls, value: list[str]) -> list[str]:
        return checked_spans(value)

    @field_validator("keep_scenes", "remove_scenes")
    @classmethod
    def _are_numbers(cls, value: list[str]) -> list[str]:
        from avstudio_video.timeline.scenes import number_range

        for text in value:
            number_range(text)
        return value

    def check(self) -> None:
        """Raise `InvalidParams` for parameters that need others."""
        self._check_documents()
        if not self.removes and not self.keeps:
            hint = "Give 'keep' or 'remove', scenes, 'silence', or words of a transcript."
            raise InvalidParams("Nothing is named to keep or to remove.", hint=hint)

        if not self.render and not self.exports:
            raise InvalidParams("Nothing is written.", hint="Name 'exports', or leave out 'render'.")
        if self.mode == "keyframe" and (self.crossfade or self.codec != "auto"):
            hint = "Leave out 'crossfade' and 'codec', or use the mode 'exact'."
            raise InvalidParams("Copied parts are not encoded.", hint=hint)

    def _check_documents(self) -> None:
        if (self.keep_scenes or self.remove_scenes) and self.scenes is None:
            raise InvalidParams("Numbers of scenes need a document.", hint="Give 'scenes', made by video.analyze.")
        if (self.fillers or self.keep_phrases or self.remove_phrases) and self.transcript is None:
            raise InvalidParams("Words need a transcript.", hint="Give 'transcript', made by audio.transcribe.")

    @property
    def keeps(self) -> bool:
        """Whether something is named to keep."""
        return bool(self.keep or self.keep_scenes or self.keep_phrases)

    @property
    def removes(self) -> bool:
        """Whether something is named to remove."""
        named = self.remove or self.remove_scenes or self.remove_phrases
        return bool(named) or self.fillers or self.silence is not None
