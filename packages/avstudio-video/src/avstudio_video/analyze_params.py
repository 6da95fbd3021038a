"""The parameters of `video.analyze`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from avstudio_core import Params
from avstudio_core.errors import InvalidParams
from avstudio_core.time_param import Time
from avstudio_video.exports.media_types import ExportName
from avstudio_video.scenes.detectors import THRESHOLDS, Detector, DetectorName


class AnalyzeParams(Params):
    """What to look for."""

    analyses: list[
        Literal[
            "scenes", "look", "black", "freeze", "letterbox", "keyframes", "silence", "loudness", "waveform", "speech"
        ]
    ] = Field(
        default=["scenes"],
        min_length=1,
        description="What to find, all in one pass over the file. 'look' adds sharpness and motion to scenes; "
        "'speech' is a track of mono at 16 kHz.",
    )
    detectors: list[DetectorName] = Field(
        default=["auto"],
        min_length=1,
        description="What finds scenes; several find the cuts of each. 'auto' also finds dissolves, wipes and fades.",
    )
    threshold: float | None = Field(
        default=None, gt=0, le=255, description="Threshold of the detector; each has its own default."
    )
    min_content: float = Field(
        default=15.0, ge=0, le=255, description="Least difference of frames for a cut by 'auto' or 'adaptive'."
    )
    min_scene: Time = Field(default=0.6, le=600, description="Shortest scene.", json_schema_extra={"unit": "s"})
    min_black: Time = Field(default=2.0, le=600, description="Shortest span of black.", json_schema_extra={"unit": "s"})
    min_freeze: Time = Field(default=2.0, le=600, description="Shortest frozen span.", json_schema_extra={"unit": "s"})
    min_silence: Time = Field(
        default=2.0, ge=0.01, le=600, description="Shortest silence.", json_schema_extra={"unit": "s"}
    )
    silence_level: float = Field(
        default=-60.0,
        ge=-120,
        lt=0,
        description="Sound below this level in all channels is silence.",
        json_schema_extra={"unit": "dBFS"},
    )
    thumbnails: int = Field(default=0, ge=0, le=3, description="Pictures of each scene.")
    thumbnail_width: int = Field(
        default=320, ge=16, le=1920, description="Width of these pictures.", json_schema_extra={"unit": "px"}
    )
    contact_sheet: int = Field(
        default=0, ge=0, le=100, description="Pictures of the whole video on a contact sheet, with their times."
    )
    exports: list[ExportName] = Field(default=[], description="Formats in which the scenes are written, too.")
    reel: str = Field(
        default="AX", pattern=r"^[A-Z0-9_]{1,8}$", description="Name of the reel in an EDL: capitals, digits and '_'."
    )
    timecode: str | None = Field(
        default=None,
        description="Timecode of the first frame in exports; by default that of the file.",
        examples=["01:00:00:00"],
    )
    stream: int | None = Field(default=None, ge=0, le=9999, description="The video stream, as in video.probe.")

    def check(self) -> None:
        """Raise `InvalidParams` for parameters that exclude each other."""
        if "scenes" not in self.analyses and (self.exports or self.thumbnails):
            raise InvalidParams("Exports and thumbnails are made of scenes.", hint="Add 'scenes' to the analyses.")
        if "look" in self.analyses and "scenes" not in self.analyses:
            raise InvalidParams("'look' is for scenes.", hint="Add 'scenes' to the analyses.")
        if self.threshold is not None and len(self.detectors) > 1:
            raise InvalidParams("A threshold is for one detector.", hint="Give one detector, or no threshold.")


def detectors_of(params: AnalyzeParams) -> list[Detector]:
    """The detectors that a request wants, each once."""
    return [
        Detector(one, params.threshold or THRESHOLDS[one], params.min_content)
        for one in dict.fromkeys(params.detectors)
    ]
