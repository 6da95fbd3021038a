"""Scenes: the shots of a video, with times."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from avstudio_core.errors import UnreadableMedia
from avstudio_core.validation import problems

MEDIA_TYPE = "application/vnd.avstudio.scenes+json"
"""The media type of `Scenes` as JSON."""


class Scene(BaseModel):
    """One scene, half-open."""

    model_config = ConfigDict(frozen=True)

    id: int = Field(ge=0, description="Its number, from 0.")
    start: float = Field(
        ge=0, allow_inf_nan=False, description="When its first frame is shown.", json_schema_extra={"unit": "s"}
    )
    end: float = Field(
        ge=0, allow_inf_nan=False, description="When the next scene starts.", json_schema_extra={"unit": "s"}
    )
    start_frame: int = Field(ge=0, description="Number of its first frame, in the order shown.")
    end_frame: int = Field(ge=0, description="Number of the frame after its last one.")
    transition: Literal["start", "cut", "fade", "dissolve", "wipe"] = Field(
        default="cut", description="How it begins; after a longer transition, in the middle of that."
    )
    score: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="How much its first frame differs from the one before, to 255.",
    )
    detectors: list[str] = Field(default=[], description="What found its start.")
    sharpness: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="Median variance of the Laplacian of its pictures, 256 pixels wide; low values are blurred.",
    )
    blurred: float | None = Field(
        default=None, ge=0, le=1, description="Part of its frames with less than half the sharpness of its best ones."
    )
    motion: float | None = Field(
        default=None, ge=0, le=255, description="Mean difference of grey from one frame to the next, to 255."
    )


class Scenes(BaseModel):
    """The scenes of a video, without gaps."""

    model_config = ConfigDict(frozen=True)

    duration: float = Field(
        ge=0, allow_inf_nan=False, description="When the last frame ends.", json_schema_extra={"unit": "s"}
    )
    rate: str | None = Field(
        default=None, pattern=r"^\d+(/[1-9]\d*)?$", description="Nominal frames per second, as an exact fraction."
    )
    variable_rate: bool = Field(default=False, description="Whether the frames have different lengths.")
    timecode: str | None = Field(default=None, description="Timecode of the first frame.")
    scenes: list[Scene] = Field(description="In the order of time.")

    @model_validator(mode="after")
    def _in_order(self) -> Scenes:
        for one in self.scenes:
            if one.end < one.start:
                raise ValueError(f"Scene {one.id} ends before it starts.")
        if any(after.start < before.end for before, after in zip(self.scenes, self.scenes[1:], strict=False)):
            raise ValueError("Scenes overlap, or are not in order.")
        return self

    @classmethod
    def parse(cls, text: str) -> Scenes:
        """Parse JSON. Raises `UnreadableMedia` with the place of a mistake."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise UnreadableMedia(f"It is not a document of scenes: {problems(error)}.") from None

    def written(self) -> str:
        """As JSON, without the fields that are not known."""
        return self.model_dump_json(indent=1, exclude_none=True)

    @property
    def cuts(self) -> list[float]:
        """When each scene but the first one starts, in seconds."""
        return [one.start for one in self.scenes[1:]]
