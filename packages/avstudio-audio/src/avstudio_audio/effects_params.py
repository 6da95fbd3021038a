"""The parameters and the result of `audio.effects`."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from avstudio_audio.encoding_params import EncodingParams
from avstudio_audio.file_levels import Levels
from avstudio_audio.rack.chain_field import ChainField, list_effects
from avstudio_audio.rack.presets import Preset
from avstudio_core import Artifact, Result, SearchText

ACCEPTED = ("audio/*", "video/*", "application/octet-stream")


class EffectsParams(EncodingParams):
    """The effects in their order (the preset, the file, then the chain), and what happens after them."""

    model_config = ConfigDict(defer_build=True, json_schema_extra=list_effects)

    chain: ChainField = Field(
        default=[],
        description="Effects in their order: 'highpass 80, delay 250ms 30%, reverb 0.5', names of presets, or JSON.",
        examples=[["highpass 80", "compressor -20 4", "reverb 0.3 wet=20%"], [{"type": "delay", "time": 0.25}]],
    )
    preset: Preset | None = Field(default=None, description="Effects for a common job.")
    chain_file: Artifact | None = Field(
        default=None,
        description="A file with effects, as text or JSON, such as one that 'save' has made.",
        json_schema_extra={"accepts": ["application/json", "text/plain", "application/octet-stream"]},
    )
    save: str | None = Field(
        default=None,
        pattern=r"^[\w][\w. -]{0,99}$",
        description="Also return all effects as a JSON file of this name, to use again.",
        examples=["my voice"],
    )
    tempo: float = Field(
        default=1.0,
        ge=0.25,
        le=4,
        description="Factor of the speed, at the same pitch. It comes before the effects, whose times follow from it.",
        examples=[0.8],
    )
    impulses: list[Artifact] = Field(
        default=[],
        max_length=100,
        description="The impulse responses for the effect 'convolution', which has their numbers.",
        json_schema_extra={"accepts": [*ACCEPTED]},
    )
    sidechain: Artifact | None = Field(
        default=None,
        description="The recording that the effect 'duck' listens to, such as the voice over music.",
        json_schema_extra={"accepts": [*ACCEPTED]},
    )
    tail: float | None = Field(
        default=None,
        ge=0,
        le=600,
        description="Time after the end; by default until echoes are inaudible, and none without echoes.",
        json_schema_extra={"unit": "s"},
    )
    match_loudness: bool = Field(
        default=False, description="Bring the result to the loudness of the source, so that both compare fairly."
    )
    ceiling: float | None = Field(
        default=None,
        ge=-30,
        le=0,
        description="Limit the true peaks of the result to this level.",
        json_schema_extra={"unit": "dBTP"},
    )
    measure: bool = Field(default=False, description="Measure the levels of the source and of the result.")


class AppliedEffect(BaseModel):
    """One effect as it was applied."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="The effect.")
    settings: str = Field(description="Its parameters, as in the parameter 'chain'.")
    latency: int = Field(
        description="By how much it delays the sound; the result is shifted back.",
        json_schema_extra={"unit": "samples"},
    )


class EffectsResult(Result):
    """The sound with its effects."""

    sound: Artifact = Field(description="The sound with effects.", json_schema_extra={"view": "player"})
    preset: Artifact | None = Field(default=None, description="The effects as a file, with 'save'.")
    duration: float = Field(description="Length with the tail.", json_schema_extra={"unit": "s"})
    tail: float = Field(description="Length after the end of the source.", json_schema_extra={"unit": "s"})
    rate: int = Field(description="Sample rate.", json_schema_extra={"unit": "Hz"})
    channels: int = Field(description="Channels.")
    chain: str = Field(description="The effects as text.")
    applied: list[AppliedEffect] = Field(description="The effects.", json_schema_extra={"view": "table"})
    gain: float = Field(description="Gain that matches the loudness.", json_schema_extra={"unit": "dB"})
    limited: float = Field(
        description="By how much the ceiling lowered the loudest peak.", json_schema_extra={"unit": "dB"}
    )
    before: Levels | None = Field(default=None, description="Levels of the source, if they were measured.")
    after: Levels | None = Field(
        default=None, description="Levels of the result, if they were measured: before a lossy codec."
    )

    def texts(self) -> Iterable[SearchText]:
        preset = self.effective.get("preset")
        text = f"{preset}: {self.chain}" if preset else self.chain
        yield SearchText(kind="effects", text=text, artifact=self.sound.id)
