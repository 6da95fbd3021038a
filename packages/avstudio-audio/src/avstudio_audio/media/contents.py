"""The contents of a media file, from its headers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from avstudio_audio.media.container import open_media
from avstudio_audio.media.encoder_gaps import encoder_gaps
from avstudio_audio.media.labels import Chapter, Cover, Labels, replay_gain
from avstudio_audio.media.layouts import layout_name
from avstudio_audio.media.limits import USUAL, Limits
from avstudio_audio.media.sample_bits import bits_of
from avstudio_audio.media.sndfile_reader import SndfileReader, sndfile_reader
from avstudio_audio.media.stated_length import length
from avstudio_core import MediaFacts

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream


PICTURE_TYPES = {
    "mjpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "webp": "image/webp",
}
"""The media types of covers by FFmpeg's names of their codecs."""
LARGEST_COVER = 16_000_000
"""In bytes."""
MOST_CHAPTERS = 10_000


class SoundStream(BaseModel):
    """One audio stream; a value is `None` if it is unknown because the codec cannot be decoded."""

    model_config = ConfigDict(frozen=True)

    index: int = Field(ge=0, description="Its number among all streams of the file.")
    codec: str | None = Field(description="FFmpeg's name of the codec.")
    rate: int | None = Field(ge=0, description="Sample rate.", json_schema_extra={"unit": "Hz"})
    channels: int | None = Field(ge=0, description="Number of channels.")
    layout: str | None = Field(description="Layout of the speakers, such as `5.1(side)`.")
    sample_format: str | None = Field(description="FFmpeg's name of the decoded sample format: `s16`, `fltp` …")
    bits: int | None = Field(default=None, gt=0, description="Bits per sample; lossy codecs have none.")
    profile: str | None = Field(default=None, description="Profile of the codec, such as LC.")
    bit_rate: int | None = Field(default=None, gt=0, description="Bit rate.", json_schema_extra={"unit": "bit/s"})
    start: float | None = Field(
        default=None, description="Start of its sound in the file, if stated.", json_schema_extra={"unit": "s"}
    )
    delay: int | None = Field(
        default=None, ge=0, description="Samples that the encoder put before the sound; players leave them out."
    )
    padding: int | None = Field(
        default=None, ge=0, description="Samples that the encoder put after the sound; players leave them out."
    )
    language: str | None = Field(default=None, description="ISO 639-2 code, if the file gives one.")
    title: str | None = Field(default=None, description="Name of the track.")
    dispositions: list[str] = Field(default=[], description="FFmpeg's names of its uses: default, comment, dub …")
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


class CoverPicture(BaseModel):
    """The cover picture."""

    model_config = ConfigDict(frozen=True)

    media_type: str
    width: int | None = Field(default=None, ge=0, json_schema_extra={"unit": "px"})
    height: int | None = Field(default=None, ge=0, json_schema_extra={"unit": "px"})
    size: int = Field(gt=0, json_schema_extra={"unit": "B"})


class ChapterFacts(BaseModel):
    """A chapter, half-open."""

    model_config = ConfigDict(frozen=True)

    start: float = Field(json_schema_extra={"unit": "s"})
    end: float = Field(json_schema_extra={"unit": "s"})
    title: str = ""


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
    bit_rate: int | None = Field(
        default=None, gt=0, description="Bit rate of the whole file.", json_schema_extra={"unit": "bit/s"}
    )
    audio: list[SoundStream]
    video: list[PictureStream] = Field(description="Video streams, without cover images.")
    main: int | None = Field(description="The index of the audio stream that is decoded.")
    tags: dict[str, str] = Field(description="Title, artist and the like; keys in lower case.")
    cover: CoverPicture | None = Field(default=None, description="The cover picture.")
    chapters: list[ChapterFacts] = Field(default=[], description="In order.")
    replaygain: dict[str, float] = Field(
        default={}, description="ReplayGain of the track and album: gains in dB, peaks relative to full scale."
    )

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
        tags = _tags(container)
        sounds = [_sound(stream, tags, path) for stream in container.streams.audio]
        pictures = [stream for stream in container.streams.video if _is_cover(stream)]
        return Contents(
            container=container.format.name,
            duration=duration,
            duration_estimated=estimated,
            audio=[_as_read(one, exact) for one in sounds] if exact else sounds,
            video=[_picture(stream) for stream in container.streams.video if not _is_cover(stream)],
            main=main.index if main else None,
            tags=tags,
            bit_rate=container.bit_rate or None,
            chapters=[ChapterFacts(start=one.start, end=one.end, title=one.title) for one in _chapters(container)],
            replaygain=replay_gain(tags),
            cover=_cover_facts(container, pictures[0]) if pictures else None,  # last: it reads a packet
        )


def _as_read(sound: SoundStream, reader: SndfileReader) -> SoundStream:
    """A stream that FFmpeg misjudges, as libsndfile reads it."""
    codec = reader.pcm_codec or sound.codec
    return sound.model_copy(update={"bits": reader.bits, "codec": codec})


def read_labels(path: Path, limits: Limits = USUAL) -> Labels:
    """The tags, the cover and the chapters of a file. Raises `UnreadableMedia`."""
    with open_media(path, limits.streams) as container:
        pictures = [stream for stream in container.streams.video if _is_cover(stream)]
        cover = _cover(container, pictures[0]) if pictures else None
        return Labels(_tags(container), cover, tuple(_chapters(container)))


def _cover_facts(container: InputContainer, stream: VideoStream) -> CoverPicture | None:
    cover, codec = _cover(container, stream), stream.codec_context
    if cover is None:
        return None
    return CoverPicture(media_type=cover.media_type, width=codec.width, height=codec.height, size=len(cover.data))


def _cover(container: InputContainer, stream: VideoStream) -> Cover | None:
    packet = next(container.demux(stream), None)
    name = stream.codec_context.name if stream.codec_context else ""
    if packet is None or name not in PICTURE_TYPES or not 0 < packet.size <= LARGEST_COVER:
        return None
    return Cover(bytes(packet), PICTURE_TYPES[name])


def _chapters(container: InputContainer) -> Iterator[Chapter]:
    for one in container.chapters()[:MOST_CHAPTERS]:
        unit = float(one["time_base"] or 0)
        yield Chapter(one["start"] * unit, one["end"] * unit, one["metadata"].get("title", ""))


def _tags(container: InputContainer) -> dict[str, str]:
    """The tags of the file; in Ogg they are those of its stream."""
    streams = container.streams.audio if container.format.name == "ogg" else ()
    found = {key: value for stream in streams[:1] for key, value in stream.metadata.items()}
    return {key.lower(): value for key, value in {**found, **container.metadata}.items()}


def _sound(stream: AudioStream, tags: Mapping[str, str], path: Path) -> SoundStream:
    from av.stream import Disposition

    codec = stream.codec_context
    delay, padding = encoder_gaps(codec, tags, path) if codec else (None, None)
    unit = stream.time_base
    return SoundStream(
        index=stream.index,
        codec=codec.codec.canonical_name if codec else None,
        rate=max(0, codec.sample_rate) if codec else None,  # a header can state a negative one
        channels=codec.layout.nb_channels if codec else None,
        layout=layout_name(codec.layout) if codec else None,
        sample_format=codec.format.name if codec and codec.format else None,
        bits=bits_of(codec) if codec else None,
        profile=codec.profile if codec else None,
        bit_rate=(codec and codec.bit_rate) or None,
        start=float(stream.start_time * unit) if stream.start_time is not None and unit else None,
        delay=delay,
        padding=padding,
        language=stream.language,
        title=stream.metadata.get("title"),
        dispositions=[one.name.lower() for one in Disposition if one.name and stream.disposition & one],
        default=bool(stream.disposition & Disposition.default),
    )


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
