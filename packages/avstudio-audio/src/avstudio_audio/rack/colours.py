"""Effects that distort."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from avstudio_audio.rack.effect import Effect


class Distortion(Effect):
    """Saturate, as an overdriven amplifier does."""

    plugin: ClassVar[str] = "Distortion"
    attributes: ClassVar = {"drive": "drive_db"}

    type: Literal["distortion"] = "distortion"
    drive: float = Field(default=12.0, ge=0, le=80, description="Gain before it.", json_schema_extra={"unit": "dB"})


class Clipping(Effect):
    """Cut off what is beyond a level."""

    plugin: ClassVar[str] = "Clipping"
    attributes: ClassVar = {"threshold": "threshold_db"}

    type: Literal["clipping"] = "clipping"
    threshold: float = Field(
        default=-6.0, ge=-100, le=0, description="The highest level.", json_schema_extra={"unit": "dBFS"}
    )


class Bitcrush(Effect):
    """Round samples to fewer bits."""

    plugin: ClassVar[str] = "Bitcrush"
    attributes: ClassVar = {"bits": "bit_depth"}

    type: Literal["bitcrush"] = "bitcrush"
    bits: float = Field(default=8.0, ge=1, le=32, description="Bits of a sample; fractions are possible.")


class Resample(Effect):
    """Reduce the sample rate and raise it again, so that high frequencies are lost, or folded down."""

    plugin: ClassVar[str] = "Resample"
    attributes: ClassVar = {"rate": "target_sample_rate", "quality": "quality"}
    fixed: ClassVar = ("rate", "quality")

    type: Literal["resample"] = "resample"
    rate: float = Field(
        default=8_000.0, ge=200, le=192_000, description="The reduced rate.", json_schema_extra={"unit": "Hz"}
    )
    quality: Literal["ZeroOrderHold", "Linear", "CatmullRom", "Lagrange", "WindowedSinc32"] = Field(
        default="WindowedSinc32", description="Interpolation: 'ZeroOrderHold' sounds like old samplers."
    )


class MP3(Effect):
    """Encode to MP3 and decode again, to hear what it changes; for one or two channels."""

    plugin: ClassVar[str] = "MP3Compressor"
    attributes: ClassVar = {"quality": "vbr_quality"}
    fixed: ClassVar = ("quality",)

    type: Literal["mp3"] = "mp3"
    quality: float = Field(default=2.0, ge=0, le=10, description="Of the variable bit rate: 0 is the best.")


class GSM(Effect):
    """Encode as the mobile phones of the nineties did, and decode again."""

    type: Literal["gsm"] = "gsm"


class Invert(Effect):
    """Invert the polarity."""

    plugin: ClassVar[str] = "Invert"

    type: Literal["invert"] = "invert"
