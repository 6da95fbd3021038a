"""`audio.peaks`: the waveform of a recording, for players."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from avstudio_audio.sound_params import SoundParams
from avstudio_audio.vocabulary import PeaksWords
from avstudio_core import Artifact, Context, MediaFacts, Processor, Result
from avstudio_core.errors import InvalidInput

MEDIA_TYPES = {"dat": "application/vnd.avstudio.peaks", "json": "application/json"}
ZOOMS = (2, 10_000_000)


class PeaksParams(SoundParams):
    """How fine the waveform is."""

    zooms: list[int] = Field(
        default=[256],
        min_length=1,
        max_length=16,
        description="Samples per pixel, one file for each.",
        examples=["256", "4096"],
        json_schema_extra={"unit": "samples/pixel"},
    )
    formats: list[Literal["dat", "json"]] = Field(
        default=["dat"], min_length=1, description="Formats of BBC's audiowaveform: binary, JSON."
    )
    bits: Literal[8, 16] = Field(default=8, description="Bits of a value.")
    channels: Literal["mono", "keep"] = Field(default="mono", description="One waveform, or one for each channel.")
    rms: bool = Field(default=False, description="Add the root mean square of each pixel to the JSON files.")

    @field_validator("zooms")
    @classmethod
    def _are_possible(cls, value: list[int]) -> list[int]:
        for zoom in value:
            if not ZOOMS[0] <= zoom <= ZOOMS[1]:
                raise ValueError(f"'{zoom}' samples per pixel are not between {ZOOMS[0]} and {ZOOMS[1]}.")
        return [*dict.fromkeys(value)]


class PeaksResult(Result):
    """The waveform files."""

    files: dict[str, Artifact] = Field(
        description="By format and zoom, such as dat_256.", json_schema_extra={"view": "hidden"}
    )
    rate: int = Field(description="Sample rate.", json_schema_extra={"unit": "Hz"})
    channels: int = Field(description="Channels of the waveform.")
    pixels: list[int] = Field(description="The length at each zoom.", json_schema_extra={"unit": "px"})
    duration: float = Field(description="Length.", json_schema_extra={"unit": "s"})


class Peaks(PeaksWords, Processor[PeaksParams, PeaksResult]):
    """Compute the waveform of a recording for players and editors, at one or several zooms."""

    name: ClassVar[str] = "audio.peaks"
    accepts: ClassVar[tuple[str, ...]] = ("audio/*", "video/*", "application/octet-stream")

    def outputs(self, params: PeaksParams) -> dict[str, str]:
        return {f"{format}_{zoom}": MEDIA_TYPES[format] for zoom in params.zooms for format in params.formats}

    def run(self, source: Artifact, params: PeaksParams, context: Context) -> PeaksResult:
        from avstudio_audio.media.limits import Limits
        from avstudio_audio.media.stream import open_stream
        from avstudio_audio.media.waveform import Waveform

        context.progress(0.0, "read")
        with open_stream(
            source.path,
            channels=1 if params.channels == "mono" else None,
            track=params.track,
            progress=lambda part: context.progress(0.98 * part, "measure"),
            warn=context.warn,
            limits=Limits.of(context.settings),
        ) as stream:
            levels = {zoom: Waveform(stream.channels, stream.rate, zoom, params.bits) for zoom in params.zooms}
            done = 0
            for block in stream.blocks_from():
                context.check()
                done += block.shape[1]
                for level in levels.values():
                    level.feed(block)
            facts = MediaFacts(duration=done / stream.rate, rate=stream.rate, channels=stream.channels)
        if not done:
            raise InvalidInput(f"'{source.name}' does not have any sound.")
        files = {}
        for zoom, level in levels.items():
            level.finish()
            for format in dict.fromkeys(params.formats):
                name = source.name_for(f".{zoom}.{format}")
                path = context.new_path(name)
                path.write_bytes(level.dat() if format == "dat" else level.json(rms=params.rms).encode())
                files[f"{format}_{zoom}"] = context.publish(path, name, MEDIA_TYPES[format], facts)
        return PeaksResult(
            files=files,
            rate=facts.rate or 0,
            channels=facts.channels or 0,
            pixels=[level.length for level in levels.values()],
            duration=facts.duration or 0.0,
        )
