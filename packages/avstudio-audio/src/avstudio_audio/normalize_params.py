"""The parameters and the result of `audio.normalize`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from avstudio_audio.encoding_params import EncodingParams
from avstudio_audio.file_levels import Curves, Levels
from avstudio_audio.loudness.gain import TOLERANCE
from avstudio_audio.loudness.targets import DEFAULTS, PRESETS, Mode, Preset, Target
from avstudio_core import Artifact, Result
from avstudio_core.errors import InvalidParams

ACCEPTED = ("audio/*", "video/*", "application/octet-stream")


class NormalizeParams(EncodingParams):
    """The level to reach, and what may be done to reach it."""

    others: list[Artifact] = Field(
        default=[],
        description="The other recordings of an album: all get the same gain, so that quiet songs remain quiet.",
        json_schema_extra={"accepts": [*ACCEPTED]},
    )
    preset: Preset | None = Field(
        default=None, description="Target and ceiling of a platform or a standard.", examples=["podcast", "ebu_r128"]
    )
    mode: Mode | None = Field(
        default=None, description="The kind of level: by default that of the preset, or 'lufs' (EBU R 128)."
    )
    target: float | None = Field(
        default=None,
        ge=-70,
        le=0,
        description="The level to reach, in LUFS, dBFS or dBTP: by default that of the preset, −16 LUFS, −20 dBFS of "
        "'rms', or −1 for peaks.",
        json_schema_extra={"unit": "dB"},
    )
    ceiling: float | None = Field(
        default=None,
        ge=-30,
        le=0,
        description="The highest true peak: by default that of the preset; −1 for 'lufs' and 'rms', none for peaks.",
        json_schema_extra={"unit": "dBTP"},
    )
    strategy: Literal["linear_only", "linear_then_limit"] = Field(
        default="linear_only",
        description="At the ceiling: 'linear_only' stays below the target, 'linear_then_limit' limits the peaks.",
    )
    lower_only: bool = Field(default=False, description="Never make the sound louder.")
    skip_within: float = Field(
        default=0.0,
        ge=0,
        le=20,
        description="Leave sound as it is if its level is this near to the target.",
        json_schema_extra={"unit": "dB"},
    )
    dual_mono: bool = Field(
        default=False, description="Measure one channel as two, because it will be heard from two speakers."
    )
    measure_only: bool = Field(default=False, description="Measure, and write no file.")
    keep_format: bool = Field(
        default=False, description="Write the format of the source; where that is not possible, 'format'."
    )
    curves: list[Literal["momentary", "short_term"]] = Field(
        default=[], description="The loudness over time to return: of 0.4 s, of 3 s."
    )
    curve_step: float = Field(
        default=1.0, ge=0.1, le=3600, description="Time between two values.", json_schema_extra={"unit": "s"}
    )


class FileLevels(BaseModel):
    """One recording, before and after."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="Name of the source.")
    before: Levels = Field(description="The levels of the source.")
    after: Levels | None = Field(description="The levels of the written file, measured; empty without one.")


class NormalizeResult(Result):
    """The files, and their levels before and after."""

    files: dict[str, Artifact] = Field(
        description="The normalized recordings: 'sound', then 'sound_2' and so on.",
        json_schema_extra={"view": "player"},
    )
    status: Literal["normalized", "skipped", "measured"] = Field(
        description="'skipped' if the sound was left as it is."
    )
    gain: float = Field(description="The gain of all files.", json_schema_extra={"unit": "dB"})
    limited: float = Field(
        description="By how much a limiter lowered the loudest peak.", json_schema_extra={"unit": "dB"}
    )
    target_reached: bool | None = Field(
        description=f"Whether the measured level is within {TOLERANCE} dB of the target, and no peak above the "
        "ceiling; empty without a file."
    )
    before: Levels = Field(description="The levels of all sources together.")
    after: Levels | None = Field(description="The levels of all written files together; empty without them.")
    levels: dict[str, FileLevels] = Field(
        description="The levels of each recording.", json_schema_extra={"view": "table"}
    )
    curves: dict[str, Curves] = Field(default={}, description="The loudness of each source over time.")


def target_of(params: NormalizeParams) -> Target:
    """What the parameters, the preset and the defaults give. Raises `InvalidParams`."""
    preset = PRESETS[params.preset] if params.preset else None
    if preset and params.mode and params.mode != preset.mode:
        message = f"The preset '{params.preset}' has the mode '{preset.mode}', not '{params.mode}'."
        raise InvalidParams(message, hint="Leave out one of them.")
    usual = preset or DEFAULTS[params.mode or "lufs"]
    level = usual.level if params.target is None else params.target
    return Target(usual.mode, level, usual.ceiling if params.ceiling is None else params.ceiling)
