"""The parameters of `audio.separate`."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, model_validator

from avstudio_audio.media.formats import AudioFormat
from avstudio_audio.model_choice import AUTO
from avstudio_audio.separation.precision import Precision
from avstudio_audio.separation.stem_choice import Consistency, OtherMethod
from avstudio_audio.sound_params import SoundParams
from avstudio_audio.stem_files import GainMode

FAMILIES = ("demucs", "spleeter")


class StemFormat(StrEnum):
    """Every `AudioFormat`, and a file of all stems."""

    WAV = AudioFormat.WAV.value
    WAV24 = AudioFormat.WAV24.value
    WAV_FLOAT = AudioFormat.WAV_FLOAT.value
    FLAC = AudioFormat.FLAC.value
    AIFF = AudioFormat.AIFF.value
    ALAC = AudioFormat.ALAC.value
    MP3 = AudioFormat.MP3.value
    OGG = AudioFormat.OGG.value
    OPUS = AudioFormat.OPUS.value
    M4A = AudioFormat.M4A.value
    M4B = AudioFormat.M4B.value
    STEM_MP4 = "stem-mp4"


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
    precision: Precision = Field(
        default=Precision.AUTO,
        description="The arithmetic of Demucs: 'auto' is the fastest that the device has; 'float32' is exact.",
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(default="auto", description="Where the model runs.")
    format: StemFormat = Field(
        default=StemFormat.FLAC,
        description="File format of the stems; 'stem-mp4' is one file for DJ software, with the mix and four stems.",
    )
    tags: bool = Field(default=True, description="Whether to keep tags, cover and chapters.")

    @property
    def audio_format(self) -> AudioFormat | None:
        """The format of each stem's file; `None` for one file of all."""
        return None if self.format is StemFormat.STEM_MP4 else AudioFormat(self.format)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.format is StemFormat.STEM_MP4 and self.residual:
            raise ValueError("a stem file has no place for a residual; choose another format")
        if self.two_stems and self.stems:
            raise ValueError("'stems' and 'two_stems' exclude each other; give one of them")
        return self
