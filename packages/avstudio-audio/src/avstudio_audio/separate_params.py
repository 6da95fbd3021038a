"""The parameters of `audio.separate`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from avstudio_audio.media.formats import AudioFormat
from avstudio_audio.model_choice import AUTO
from avstudio_audio.separation.stem_choice import Consistency, OtherMethod
from avstudio_audio.sound_params import SoundParams
from avstudio_audio.stem_files import GainMode

FAMILIES = ("demucs", "spleeter")


class SeparateParams(SoundParams):
    """How to separate a recording."""

    model: str = Field(
        default=AUTO,
        description="A model's name, a folder with a model, or 'auto' for the best installed one.",
        examples=[AUTO],
        json_schema_extra={"weights": [*FAMILIES]},
    )
    stems: list[str] = Field(
        default=[],
        description="The stems to make, such as vocals; all if none are named.",
        examples=["vocals", "accompaniment", "drums", "bass", "other"],
    )
    two_stems: str | None = Field(
        default=None,
        description="Make this stem, and one with everything else.",
        examples=["vocals", "drums"],
    )
    other_method: OtherMethod = Field(
        default=OtherMethod.MINUS,
        description="The second of two stems: the recording minus the first, or the sum of the model's other stems.",
    )
    residual: bool = Field(default=False, description="Make a file of the recording minus its stems, too.")
    consistency: Consistency = Field(
        default=Consistency.NONE,
        description="Make the stems sum to the recording: add what is left to 'other' (residual) or to all (project).",
    )
    shifts: int | None = Field(
        default=None, ge=0, le=20, description="Number of shifted predictions to average; 0 is the fastest."
    )
    overlap: float | None = Field(
        default=None, ge=0, le=0.99, description="The fraction of a chunk that the next one overlaps."
    )
    segment: float | None = Field(
        default=None,
        gt=0.1,
        le=600,
        description="Length of a chunk; by default, and at most, that of the model.",
        json_schema_extra={"unit": "s"},
    )
    batch_size: int | None = Field(
        default=None, ge=1, le=64, description="Number of chunks that the model reads at once."
    )
    seed: int = Field(default=0, ge=0, description="The same seed gives the same stems.")
    gain: float = Field(
        default=0.0,
        ge=-30,
        le=30,
        description="Change of the level of all stems; lower it if they clip.",
        json_schema_extra={"unit": "dB"},
    )
    gain_mode: GainMode = Field(
        default=GainMode.PRESERVE,
        description="What to do if stems exceed full scale: lower all alike or each alone, or cut their peaks.",
    )
    long_audio: Literal["auto", "whole", "stream"] = Field(
        default="auto",
        description="Keep the recording in memory, or on the disk; the stems are equal. 'auto' keeps 10 min in memory.",
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(default="auto", description="Where the model runs.")
    format: AudioFormat = Field(default=AudioFormat.FLAC, description="File format of the stems.")

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        if self.two_stems and self.stems:
            raise ValueError("'stems' and 'two_stems' exclude each other; give one of them")
        return self
