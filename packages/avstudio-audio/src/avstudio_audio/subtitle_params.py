"""The parameters of all processors that write subtitles."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Self

from pydantic import Field, JsonValue, model_validator

from avstudio_core import Artifact, Params
from avstudio_core.documents.frame_grid import FrameGrid
from avstudio_core.documents.scenes import MEDIA_TYPE as SCENES
from avstudio_core.documents.subtitle_formats import Name
from avstudio_core.documents.subtitle_rules import Preset, SubtitleRules, rules

SECONDS: dict[str, JsonValue] = {"unit": "s"}
Seconds = Annotated[float, Field(ge=0, le=1e6)]


class SubtitleParams(Params):
    """Which files to write, and the rules of their subtitles."""

    format: list[Name] = Field(default=["srt"], description="The files to write.")
    preset: Preset = Field(
        default="none", description="The style guide whose rules the subtitles follow; single rules can be changed."
    )
    line_length: int | None = Field(default=None, ge=4, le=200, description="Columns of a line.")
    lines: int | None = Field(default=None, ge=1, le=10, description="Lines of a cue at most.")
    reading_speed: float | None = Field(
        default=None, gt=0, le=1000, description="Columns that are read in a second.", json_schema_extra={"unit": "1/s"}
    )
    min_duration: float | None = Field(
        default=None, gt=0, le=60, description="Duration of a cue at least.", json_schema_extra=SECONDS
    )
    max_duration: float | None = Field(
        default=None, gt=0, le=600, description="Duration of a cue at most.", json_schema_extra=SECONDS
    )
    min_gap: float | None = Field(
        default=None, ge=0, le=10, description="Time between two cues at least.", json_schema_extra=SECONDS
    )
    close_gaps: float | None = Field(
        default=None,
        ge=0,
        le=60,
        description="A shorter time between two cues is closed, up to min_gap.",
        json_schema_extra=SECONDS,
    )
    frame_rate: float = Field(
        default=24.0,
        ge=1,
        le=1000,
        description="Frame rate of the video: some presets count in frames. 23.976 and 29.97 are meant exactly.",
        json_schema_extra={"unit": "Hz"},
    )
    whole_frames: bool = Field(
        default=False, description="Begin and end cues with frames of the video, as film and broadcast do."
    )
    snap_to: list[Seconds] = Field(
        default=[],
        max_length=100_000,
        description="Times of cuts in the video, with which cues begin and end.",
        json_schema_extra=SECONDS,
    )
    scenes: Artifact | None = Field(
        default=None,
        description="A document with scenes, whose starts are cuts: JSON, or a text with a time in each line.",
        json_schema_extra={"accepts": [SCENES, "application/json", "text/*"]},
    )
    speaker_labels: bool = Field(default=True, description="Put the names of speakers, if known, before their words.")
    highlight: bool = Field(
        default=False, description="Mark each word when it is spoken: karaoke in ASS, times of words in VTT and LRC."
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        held = self.rules("en")
        if held.shortest > held.longest:
            raise ValueError(f"the shortest duration, {held.shortest:g} s, exceeds the longest, {held.longest:g} s")
        return self

    def rules(self, language: str) -> SubtitleRules:
        """The rules for a language: those of the preset, changed by single parameters."""
        given = {
            "columns": self.line_length,
            "lines": self.lines,
            "reading_speed": self.reading_speed,
            "shortest": self.min_duration,
            "longest": self.max_duration,
            "gap": self.min_gap,
            "closed_gap": self.close_gaps,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        found: SubtitleRules = replace(rules(self.preset, language, self.frame_rate), **changes)  # type: ignore[arg-type]
        return replace(found, grid=FrameGrid(self.frame_rate)) if self.whole_frames else found
