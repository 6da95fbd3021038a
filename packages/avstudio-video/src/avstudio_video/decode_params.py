"""The parameters of `video.decode`."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from avstudio_core import Artifact, Params
from avstudio_core.errors import InvalidParams
from avstudio_core.quotes import quoted
from avstudio_core.spans import one_span
from avstudio_core.time_param import ClockToo, Time

CROP = re.compile(r"\s*(\d{1,6}),(\d{1,6}),([1-9]\d{0,5}),([1-9]\d{0,5})\s*")
SELECTIONS = ("times", "indices", "every", "fps", "count", "keyframes", "scenes")
"""Parameters of which only one chooses frames."""
USUAL_COUNT = 9


class DecodeParams(Params):
    """Which frames, and as what."""

    times: list[Time] = Field(
        default=[],
        max_length=500,
        description="The frames on the screen at these times, such as 90 or 1:30.",
        json_schema_extra={"unit": "s"},
    )
    indices: list[int] = Field(default=[], max_length=500, description="Frames by number, in the order shown, from 0.")
    every: Annotated[float, Field(ge=0.001, le=3600), ClockToo] | None = Field(
        default=None, description="A frame each so many seconds.", json_schema_extra={"unit": "s"}
    )
    fps: float | None = Field(
        default=None, ge=0.01, le=1000, description="So many frames a second.", json_schema_extra={"unit": "frames/s"}
    )
    count: int | None = Field(
        default=None, ge=1, le=500, description="So many frames, evenly spread; 9 if nothing else is chosen."
    )
    keyframes: bool = Field(default=False, description="All key frames.")
    scenes: Artifact | None = Field(
        default=None, description="A document of scenes: the frame in the middle of each scene."
    )
    start: Time = Field(default=0.0, description="Start of the part.", json_schema_extra={"unit": "s"})
    end: Time | None = Field(default=None, description="End of the part, half-open.", json_schema_extra={"unit": "s"})
    snap: Literal["exact", "keyframe"] = Field(
        default="exact", description="The exact frames, or the key frames before them, which are found faster."
    )
    stream: int | None = Field(
        default=None, ge=0, le=9999, description="Number of the video stream, as in video.probe."
    )
    width: int | None = Field(default=None, ge=1, le=16384, description="Width.", json_schema_extra={"unit": "px"})
    height: int | None = Field(default=None, ge=1, le=16384, description="Height.", json_schema_extra={"unit": "px"})
    fit: Literal["contain", "cover", "stretch"] = Field(
        default="contain", description="Whether a picture fits into the size, covers it, or is stretched to it."
    )
    crop: str | None = Field(
        default=None,
        description="Part of the upright picture in pixels: x, y, width, height.",
        examples=["0,0,640,360"],
    )
    as_shown: bool = Field(
        default=True, description="Turn pictures upright and make their pixels square, as players do."
    )
    tonemap: Literal["auto", "off"] = Field(default="auto", description="Convert the colours of HDR to BT.709.")
    format: Literal["jpeg", "png", "webp", "npz", "sheet"] = Field(
        default="jpeg", description="Pictures, one file of arrays for NumPy, or a contact sheet."
    )
    quality: int = Field(default=90, ge=1, le=100, description="Quality of JPEG and WebP.")
    columns: int = Field(default=3, ge=1, le=20, description="Columns of a contact sheet.")
    labels: bool = Field(default=True, description="Write the time under each frame of a contact sheet.")
    backend: Literal["auto", "pyav", "torchcodec", "opencv"] = Field(
        default="auto", description="The decoder; 'auto' takes PyAV, which is the fastest for single frames."
    )
    max_frames: int = Field(default=500, ge=1, le=10_000, description="More frames are refused.")

    @field_validator("indices")
    @classmethod
    def _numbers(cls, value: list[int]) -> list[int]:
        if any(one < 0 for one in value):
            raise ValueError("Frames are counted from 0.")
        return value

    @field_validator("crop")
    @classmethod
    def _is_crop(cls, value: str | None) -> str | None:
        if value is not None and not CROP.fullmatch(value):
            raise ValueError(f"{quoted(value)} is not x, y, width and height, such as '0,0,640,360'.")
        return value

    def check(self) -> None:
        """Raise `InvalidParams` for parameters that exclude each other."""
        given = [name for name in SELECTIONS if getattr(self, name)]
        if len(given) > 1:
            names = " and ".join(f"'{name}'" for name in given)
            raise InvalidParams(f"{names} cannot be combined.", hint="Choose frames in one way.")
        one_span(self.start, self.end)
        if self.fit != "contain" and not (self.width and self.height):
            raise InvalidParams(f"'{self.fit}' needs a size.", hint="Give width and height.")
        if self.crop and not self.as_shown:
            raise InvalidParams("'crop' is a part of the upright picture.", hint="Leave 'as_shown' on.")
