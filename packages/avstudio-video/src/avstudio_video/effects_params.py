"""The parameters and the result of `video.effects`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from avstudio_core import Artifact, Params, Result, SearchText
from avstudio_core.documents.timed_text import TEXTS
from avstudio_core.errors import InvalidParams
from avstudio_core.time_param import ClockToo
from avstudio_video.effects.chain_field import ChainField, list_effects
from avstudio_video.effects.presets import PRESETS, Preset
from avstudio_video.encoding.containers import (
    USUAL_CONTAINERS,
    ContainerName,
    SoundCodec,
    VideoCodec,
    chosen_codec,
    chosen_sound,
)
from avstudio_video.encoding.encoder_choice import EncoderKind
from avstudio_video.encoding.video_codecs import Effort

FILES = {"lut": "lut", "subtitles": "subtitles", "overlay": "overlays"}
"""The parameter with the file that an effect needs."""
USERS = {file: (effect,) for effect, file in FILES.items()} | {"font": ("text", "subtitles")}
"""The effects that use the file of a parameter."""


class EffectsParams(Params):
    """The effects in their order (the preset, the file, then the chain), and the file to make."""

    model_config = ConfigDict(defer_build=True, json_schema_extra=list_effects)

    chain: ChainField = Field(
        default=[],
        description="Effects in their order: 'trim 5 20, crop 9:16, scale height=1280', or JSON.",
        examples=[["trim 5 20", "crop 9:16"], [{"type": "speed", "factor": 2}]],
    )
    preset: Preset | None = Field(default=None, description="Effects and an output for a common job.")
    chain_file: Artifact | None = Field(
        default=None,
        description="A file with effects, as text or JSON, such as one that 'save' has made.",
        json_schema_extra={"accepts": ["application/json", "text/plain", "application/octet-stream"]},
    )
    save: str | None = Field(
        default=None,
        pattern=r"^[\w][\w. -]{0,99}$",
        description="Also return all effects as a JSON file of this name, to use again.",
        examples=["my look"],
    )
    subtitles: Artifact | None = Field(
        default=None,
        description="What the effect 'subtitles' burns in: subtitles, a transcript, or a video with subtitles.",
        json_schema_extra={"accepts": [*TEXTS, "text/x-ssa", "video/*"]},
    )
    font: Artifact | None = Field(
        default=None,
        description="The font of all text, TrueType or OpenType; by default one of the system.",
        json_schema_extra={"accepts": ["font/*", "application/*"]},
    )
    overlays: list[Artifact] = Field(
        default=[],
        max_length=32,
        description="Pictures and videos for the effect 'overlay', which has their numbers.",
        json_schema_extra={"accepts": ["image/*", "video/*"]},
    )
    lut: Artifact | None = Field(
        default=None,
        description="The table of colours for the effect 'lut', a .cube file.",
        json_schema_extra={"accepts": ["text/*", "application/octet-stream"]},
    )
    format: ContainerName | None = Field(
        default=None, description="Format of the file; by default one that suits the codec, or 'mp4'."
    )
    codec: VideoCodec | None = Field(default=None, description="Codec of the picture; by default that of the format.")
    quality: int | None = Field(
        default=None,
        ge=0,
        le=100,
        description="Quality of the picture; 50 is good for viewing, and used if the preset has none.",
    )
    effort: Effort | None = Field(
        default=None, description="Encode fast, or make a small file; 'balanced' if the preset has none."
    )
    encoder: EncoderKind = Field(
        default="software",
        description="Encode in software, with a device, or with a device where one really encodes ('auto').",
    )
    key_interval: Annotated[float, Field(ge=0, le=60), ClockToo] | None = Field(
        default=None,
        description="Longest time between key frames; 0 makes each frame one, for editing.",
        json_schema_extra={"unit": "s"},
    )
    sound: bool = Field(default=True, description="Whether the file has sound.")
    sound_codec: SoundCodec | None = Field(
        default=None, description="Codec of the sound; by default that of the format."
    )
    sound_bit_rate: int | None = Field(
        default=None,
        ge=16,
        le=1024,
        description="Bit rate of sound, for codecs with loss.",
        json_schema_extra={"unit": "kbit/s"},
    )
    stream: int | None = Field(default=None, ge=0, le=9999, description="The video stream, as in video.probe.")
    track: str = Field(
        default="default", description="The audio track: its number in video.probe, its language, or 'default'."
    )

    def check(self) -> None:
        """Raise `InvalidParams` for what does not fit together, or cannot be written."""
        chosen_codec(self.container, self.codec)
        chosen_sound(self.container, self.sound_codec)
        if not any((self.chain, self.chain_file, self.preset, self.format, self.codec)):
            hint = "Give a 'chain' such as 'trim 5 20, crop 9:16', a 'preset', a 'chain_file', or a 'format'."
            raise InvalidParams("There is nothing to do.", hint=hint)
        if not self.chain_file:
            self.refuse_unused(one.type for one in self.chain)
        for effect in self.chain:
            if effect.enabled and effect.type in FILES and not getattr(self, FILES[effect.type]):
                message = f"The effect '{effect.type}' has no file."
                raise InvalidParams(message, hint=f"Give one with the parameter '{FILES[effect.type]}'.")

    def refuse_unused(self, effects: Iterable[str]) -> None:
        """Raise `InvalidParams` for a file that none of all effects uses, which are given by their types."""
        types = {*effects}
        for name, users in USERS.items():
            if getattr(self, name) and types.isdisjoint(users):
                message = f"'{name}' is given, and the chain does not have the effect '{users[0]}'."
                raise InvalidParams(message, hint=f"Add '{users[0]}' to the chain, or leave out '{name}'.")

    @property
    def container(self) -> ContainerName:
        """The format of the file."""
        return self.format or (USUAL_CONTAINERS[self.codec] if self.codec else "mp4")

    def with_preset(self) -> Self:
        """The parameters; what is not given is as in the preset."""
        output = PRESETS[self.preset].output if self.preset else {}
        return self.model_copy(update={name: value for name, value in output.items() if getattr(self, name) is None})


class AppliedEffect(BaseModel):
    """One effect as it was applied."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="The effect.")
    settings: str = Field(description="Its parameters, as in the parameter 'chain'.")
    width: int = Field(description="Width after it.", json_schema_extra={"unit": "px"})
    height: int = Field(description="Height after it.", json_schema_extra={"unit": "px"})
    length: float = Field(description="Length after it.", json_schema_extra={"unit": "s"})


class EffectsResult(Result):
    """The video with its effects."""

    video: Artifact = Field(description="The finished video.", json_schema_extra={"view": "player"})
    preset: Artifact | None = Field(default=None, description="The effects as a file, with 'save'.")
    duration: float = Field(description="Length.", json_schema_extra={"unit": "s"})
    frames: int = Field(description="Number of frames.")
    width: int = Field(description="Width.", json_schema_extra={"unit": "px"})
    height: int = Field(description="Height.", json_schema_extra={"unit": "px"})
    rate: str | None = Field(description="Frames per second as an exact fraction; none if it varies.")
    chain: str = Field(description="The effects as text.")
    applied: list[AppliedEffect] = Field(description="The effects.", json_schema_extra={"view": "table"})

    def texts(self) -> Iterable[SearchText]:
        """The effects, and the texts that are found in its files."""
        yield from super().texts()
        if self.chain:
            yield SearchText(kind="effects", text=self.chain, artifact=self.video.id)
