"""What is known about the streams of a media file."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, JsonValue

SECONDS: dict[str, JsonValue] = {"unit": "s"}
PIXELS: dict[str, JsonValue] = {"unit": "px"}


class Facts(BaseModel):
    """Facts; a value is `None` if it is unknown."""

    model_config = ConfigDict(frozen=True)


class KeyFrames(Facts):
    """The frames that are decoded without others: where a player can jump to, and a copy can be cut."""

    count: int = Field(ge=0, description="Number of key frames.")
    shortest: float = Field(ge=0, description="Shortest distance of two.", json_schema_extra=SECONDS)
    usual: float = Field(ge=0, description="Median distance.", json_schema_extra=SECONDS)
    longest: float = Field(ge=0, description="Longest distance.", json_schema_extra=SECONDS)


class FrameTimes(Facts):
    """The exact times of a video stream, from all of its packets."""

    frames: int = Field(ge=0, description="Frames that are shown.")
    start: float = Field(description="When the first frame is shown.", json_schema_extra=SECONDS)
    end: float = Field(description="When the last frame ends.", json_schema_extra=SECONDS)
    duration: float = Field(ge=0, description="From the first to the end of the last frame.", json_schema_extra=SECONDS)
    variable_rate: bool = Field(description="Whether the frames have different lengths.")
    shortest: float = Field(ge=0, description="Shortest frame.", json_schema_extra=SECONDS)
    usual: float = Field(ge=0, description="Median length of a frame.", json_schema_extra=SECONDS)
    longest: float = Field(ge=0, description="Longest frame.", json_schema_extra=SECONDS)
    key_frames: KeyFrames = Field(description="Distances of key frames.")
    guessed: bool = Field(default=False, description="Whether the file has no times, so that they follow the rate.")


class Colour(Facts):
    """How numbers become colours, in FFmpeg's names."""

    range: str | None = Field(default=None, description="`limited` (16 to 235) or `full`.")
    primaries: str | None = Field(default=None, description="Primaries, such as `bt709`.")
    transfer: str | None = Field(default=None, description="Transfer function, such as `smpte2084`.")
    matrix: str | None = Field(default=None, description="Matrix from RGB, such as `bt709`.")


class StreamFacts(Facts):
    """What every kind of stream has."""

    index: int = Field(ge=0, description="Its number among all streams of the file.")
    codec: str | None = Field(description="FFmpeg's name of the codec.")
    language: str | None = Field(default=None, description="ISO 639-2 code, if the file gives one.")
    title: str | None = Field(default=None, description="Name of the track.")
    dispositions: list[str] = Field(default=[], description="FFmpeg's names of its uses: default, comment, forced …")
    start: float | None = Field(
        default=None, description="Its start as the header states it.", json_schema_extra=SECONDS
    )
    duration: float | None = Field(
        default=None, ge=0, description="Its length as the header states it.", json_schema_extra=SECONDS
    )

    @property
    def labels(self) -> dict[str, str]:
        """The tags that name it."""
        given = {"language": self.language, "title": self.title}
        return {name: value for name, value in given.items() if value}


class VideoFacts(StreamFacts):
    """One video stream."""

    profile: str | None = Field(default=None, description="Profile of the codec, such as High.")
    width: int | None = Field(default=None, ge=0, description="Width as it is stored.", json_schema_extra=PIXELS)
    height: int | None = Field(default=None, ge=0, description="Height as it is stored.", json_schema_extra=PIXELS)
    pixel_aspect: str = Field(default="1:1", description="Width of a pixel to its height.")
    rotation: int = Field(
        default=0, description="Counter-clockwise turn that players make.", json_schema_extra={"unit": "°"}
    )
    mirrored: bool = Field(default=False, description="Whether players show the mirror image, after the turn.")
    display_width: int | None = Field(
        default=None, ge=0, description="Width on the screen: with square pixels, upright.", json_schema_extra=PIXELS
    )
    display_height: int | None = Field(
        default=None, ge=0, description="Height on the screen.", json_schema_extra=PIXELS
    )
    pixel_format: str | None = Field(default=None, description="FFmpeg's name of the pixel format.")
    bits: int | None = Field(default=None, ge=1, description="Bits of a component.")
    colour: Colour = Field(default=Colour(), description="Colour space.")
    hdr: str | None = Field(default=None, description="`HDR10`, `PQ`, `HLG` or `Dolby Vision`.")
    interlaced: bool = Field(default=False, description="Whether a frame has two fields of different times.")
    rate: str | None = Field(default=None, description="Mean frames per second as an exact fraction: `30000/1001`.")
    nominal_rate: str | None = Field(default=None, description="The rate that the stream is meant for.")
    timecode: str | None = Field(default=None, description="Timecode of the first frame, in the SMPTE's form.")
    bit_rate: int | None = Field(default=None, ge=1, description="Bit rate.", json_schema_extra={"unit": "bit/s"})
    times: FrameTimes | None = Field(default=None, description="Exact times, unless `scan` is off.")


class SoundFacts(StreamFacts):
    """One audio stream."""

    rate: int | None = Field(default=None, ge=0, description="Sample rate.", json_schema_extra={"unit": "Hz"})
    channels: int | None = Field(default=None, ge=0, description="Number of channels.")
    layout: str | None = Field(default=None, description="Layout of the speakers, such as `5.1(side)`.")
    bits: int | None = Field(
        default=None, ge=1, description="Bits of a sample, 32 for floating point, unless the codec has loss."
    )
    bit_rate: int | None = Field(default=None, ge=1, description="Bit rate.", json_schema_extra={"unit": "bit/s"})


class SubtitleFacts(StreamFacts):
    """One subtitle stream."""

    text: bool = Field(description="Whether its subtitles are text, and not pictures.")


class OtherFacts(StreamFacts):
    """A stream of another kind, such as data, an attached font or a cover."""

    kind: str = Field(description="`data`, `attachment` or `cover`.")


class ChapterFacts(Facts):
    """A chapter, half-open."""

    start: float = Field(description="Start.", json_schema_extra=SECONDS)
    end: float = Field(description="End.", json_schema_extra=SECONDS)
    title: str = Field(default="", description="Title.")
