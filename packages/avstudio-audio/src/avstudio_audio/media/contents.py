"""The contents of a media file, from its headers."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from avstudio_audio.media.container import open_media
from avstudio_audio.media.limits import USUAL, Limits
from avstudio_audio.media.sndfile_reader import sndfile_reader
from avstudio_audio.media.stated_length import length
from avstudio_core import MediaFacts

if TYPE_CHECKING:
    from av.audio.codeccontext import AudioCodecContext
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream


class SoundStream(BaseModel):
    """One audio stream; a value is `None` if it is unknown because the codec cannot be decoded."""

    model_config = ConfigDict(frozen=True)

    index: int = Field(ge=0, description="Its number among all streams of the file.")
    codec: str | None = Field(description="FFmpeg's name of the codec.")
    rate: int | None = Field(ge=0, description="Sample rate.", json_schema_extra={"unit": "Hz"})
    channels: int | None = Field(ge=0, description="Number of channels.")
    layout: str | None = Field(description="Layout of the speakers, such as `5.1(side)`.")
    sample_format: str | None = Field(description="FFmpeg's name of the decoded sample format: `s16`, `fltp` …")
    bits: int | None = Field(default=None, gt=0, description="Bits per sample of PCM and FLAC; lossy codecs have none.")
    language: str | None = Field(default=None, description="ISO 639-2 code, if the file gives one.")
    default: bool = Field(default=False, description="Whether the file marks it as the default stream.")


class PictureStream(BaseModel):
    """One video stream; a value is `None` if it is unknown because the codec cannot be decoded."""

    model_config = ConfigDict(frozen=True)

    index: int = Field(ge=0, description="Its number among all streams of the file.")
    codec: str | None = Field(description="FFmpeg's name of the codec.")
    width: int | None = Field(ge=0, json_schema_extra={"unit": "px"})
    height: int | None = Field(ge=0, json_schema_extra={"unit": "px"})
    fps: float | None = Field(
        default=None, gt=0, description="Mean frame rate.", json_schema_extra={"unit": "frames/s"}
    )


class Contents(BaseModel):
    """The streams of a media file, and facts about the whole file."""

    model_config = ConfigDict(frozen=True)

    container: str = Field(description="FFmpeg's name of the format.")
    duration: float | None = Field(
        ge=0, description="Length, if it is known before decoding.", json_schema_extra={"unit": "s"}
    )
    duration_estimated: bool = Field(
        default=False,
        description="Whether the length is an estimate from the size, because the file does not state it.",
    )
    audio: list[SoundStream]
    video: list[PictureStream] = Field(description="Video streams, without cover images.")
    main: int | None = Field(description="The index of the audio stream that is decoded.")
    tags: dict[str, str] = Field(description="Title, artist and the like; keys in lower case.")

    def facts(self) -> MediaFacts:
        """A summary: facts about the main audio stream and the first video stream."""
        sound = next((stream for stream in self.audio if stream.index == self.main), None)
        picture = next(iter(self.video), None)
        return MediaFacts(
            duration=self.duration,
            rate=(sound and sound.rate) or None,
            channels=(sound and sound.channels) or None,
            width=(picture and picture.width) or None,
            height=(picture and picture.height) or None,
        )


def probe(path: Path, limits: Limits = USUAL) -> Contents:
    """Read the headers of a media file. Raises `UnreadableMedia`, also if it has more streams than `limits` allow."""
    with open_media(path, limits.streams) as container:
        main = container.streams.best("audio")
        exact = sndfile_reader(container, path, (0.0, math.inf))
        duration, estimated = (exact.length / exact.rate, False) if exact else length(container, path)
        sounds = [_sound(stream) for stream in container.streams.audio]
        return Contents(
            container=container.format.name,
            duration=duration,
            duration_estimated=estimated,
            audio=[one.model_copy(update={"bits": exact.bits}) for one in sounds] if exact else sounds,
            video=[_picture(stream) for stream in container.streams.video if not _is_cover(stream)],
            main=main.index if main else None,
            tags=_tags(container),
        )


def _tags(container: InputContainer) -> dict[str, str]:
    """The tags of the file; in Ogg they are those of its stream."""
    streams = container.streams.audio if container.format.name == "ogg" else ()
    found = {key: value for stream in streams[:1] for key, value in stream.metadata.items()}
    return {key.lower(): value for key, value in {**found, **container.metadata}.items()}


def _sound(stream: AudioStream) -> SoundStream:
    from av.stream import Disposition

    codec = stream.codec_context
    return SoundStream(
        index=stream.index,
        codec=codec.codec.canonical_name if codec else None,
        rate=codec.sample_rate if codec else None,
        channels=codec.layout.nb_channels if codec else None,
        layout=codec.layout.name if codec else None,
        sample_format=codec.format.name if codec and codec.format else None,
        bits=_bits(codec) if codec else None,
        language=stream.language,
        default=bool(stream.disposition & Disposition.default),
    )


def _bits(codec: AudioCodecContext) -> int | None:
    """Bits per sample, from the codec's name (`pcm_s24le`) or FLAC's STREAMINFO (RFC 9639, section 8.2)."""
    name, header = codec.codec.canonical_name, codec.extradata or b""
    if name == "flac" and len(header) >= 14:
        return ((header[12] & 1) << 4 | header[13] >> 4) + 1
    pcm = re.match(r"pcm_[sufd]+(\d+)", name)
    return int(pcm[1]) if pcm else None


def _picture(stream: VideoStream) -> PictureStream:
    codec = stream.codec_context
    return PictureStream(
        index=stream.index,
        codec=codec.codec.canonical_name if codec else None,
        width=codec.width if codec else None,
        height=codec.height if codec else None,
        fps=float(stream.average_rate) if stream.average_rate else None,
    )


def _is_cover(stream: VideoStream) -> bool:
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)
