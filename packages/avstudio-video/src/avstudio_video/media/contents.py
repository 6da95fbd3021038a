"""The contents of a media file: streams, times, chapters and tags."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from avstudio_core import MediaFacts
from avstudio_video.media.colours import colour_of, hdr_of
from avstudio_video.media.container import open_media
from avstudio_video.media.damage import Ending, tell_lost
from avstudio_video.media.depth import bits_of
from avstudio_video.media.file_end import cut_short
from avstudio_video.media.first_frame import first_frame
from avstudio_video.media.frame_times import frame_times
from avstudio_video.media.index import PacketIndex
from avstudio_video.media.limits import USUAL, Limits
from avstudio_video.media.stream_facts import (
    SECONDS,
    ChapterFacts,
    Facts,
    OtherFacts,
    SoundFacts,
    SubtitleFacts,
    VideoFacts,
)
from avstudio_video.media.streams import (
    display_size,
    is_cover,
    is_mirrored,
    origin_of,
    rotation_of,
    square_size,
    uses_of,
)
from avstudio_video.media.timecode import timecode_of

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

PICTURES = ("hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle", "xsub")
"""Subtitles that are pictures, in FFmpeg's names."""
MOST_CHAPTERS = 10_000


class Contents(Facts):
    """The streams of a media file, and facts about the whole file."""

    container: str = Field(description="FFmpeg's name of the format.")
    duration: float | None = Field(
        default=None, ge=0, description="Length; measured unless `scan` is off.", json_schema_extra=SECONDS
    )
    stated_duration: float | None = Field(
        default=None, ge=0, description="Length that the header states.", json_schema_extra=SECONDS
    )
    start: float = Field(
        default=0.0, description="The file's first time stamp; all times count from it.", json_schema_extra=SECONDS
    )
    bit_rate: int | None = Field(
        default=None, gt=0, description="Bit rate of the whole file.", json_schema_extra={"unit": "bit/s"}
    )
    main: int | None = Field(default=None, description="The index of the video stream that is read by default.")
    video: list[VideoFacts] = Field(description="Video streams.")
    audio: list[SoundFacts] = Field(description="Audio streams.")
    subtitles: list[SubtitleFacts] = Field(default=[], description="Subtitle streams.")
    others: list[OtherFacts] = Field(default=[], description="Data, attachments and covers.")
    chapters: list[ChapterFacts] = Field(default=[], description="In order.")
    timecode: str | None = Field(default=None, description="Timecode of the first frame, if the file states one.")
    tags: dict[str, str] = Field(default={}, description="Title, artist and the like; keys in lower case.")

    def facts(self) -> MediaFacts:
        """A summary: facts about the main video stream."""
        shown = next((one for one in self.video if one.index == self.main), None)
        return MediaFacts(
            duration=self.duration,
            width=(shown and shown.display_width) or None,
            height=(shown and shown.display_height) or None,
        )


def read_contents(
    path: Path,
    *,
    scan: bool = True,
    limits: Limits = USUAL,
    check: Callable[[], None] = lambda: None,
    warn: Callable[[str, str], None] = lambda code, message: None,
) -> Contents:
    """Describe a file; with `scan` from all of its packets, so that its times are exact.

    Raises `UnreadableMedia`. Warns with `truncated`, `damaged` or `gaps`.
    """
    with open_media(path, limits) as container:
        indexes, end, reached = _scanned(container, limits, path, check) if scan else ({}, None, 0.0)
        stated = container.duration / 1_000_000 if container.duration and container.duration > 0 else None
        if scan:
            late = float(origin_of(container)) if "matroska" in container.format.name else 0.0  # which states the end
            _tell_damage(path, [*indexes.values()], reached, (stated or 0.0) - late, warn)
        shown = [one for one in container.streams.video if not is_cover(one)]
        videos = [_video(container, one, indexes.get(one.index), first_frame(path, one.index, limits)) for one in shown]
        best = container.streams.best("video")
        return Contents(
            container=container.format.name,
            duration=stated if end is None else end,
            stated_duration=stated,
            start=float(origin_of(container)),
            bit_rate=container.bit_rate or None,
            main=best.index if best and best in shown else next((one.index for one in shown), None),
            video=videos,
            audio=[_sound(one, container) for one in container.streams.audio],
            subtitles=[_subtitles(one, container) for one in container.streams.subtitles],
            others=list(_others(container)),
            chapters=list(_chapters(container)),
            timecode=timecode_of(*(one.metadata for one in container.streams), container.metadata),
            tags={key.lower(): value for key, value in container.metadata.items()},
        )


def _scanned(
    container: InputContainer, limits: Limits, path: Path, check: Callable[[], None]
) -> tuple[dict[int, PacketIndex], float | None, float]:
    """The index of each video stream, when the last packet of picture or sound ends, and when the last of all ends."""
    import av

    timed = [one for one in container.streams if one.type in ("video", "audio", "subtitle") and not is_cover(one)]
    indexes = {one.index: PacketIndex(one) for one in timed}
    try:
        for number, packet in enumerate(container.demux(timed) if timed else ()):
            if number % 1000 == 0:
                check()
            if packet.size and packet.stream_index in indexes:
                indexes[packet.stream_index].add(packet)
    except (av.FFmpegError, OSError, IndexError):
        pass  # the rest is missing: the end tells
    origin = origin_of(container)
    ends = {
        number: float(one.end * one.unit - (0 if one.guessed else origin))
        for number, one in indexes.items()
        if one.packets
    }
    kinds = {number: container.streams[number].type for number in indexes}
    end = max((one for number, one in ends.items() if kinds[number] != "subtitle"), default=0.0)
    limits.check_seconds(path, end)
    pictures = {number: one for number, one in indexes.items() if kinds[number] == "video"}
    return pictures, end if end > 0 else None, max(ends.values(), default=0.0)


def _tell_damage(
    path: Path, indexes: Sequence[PacketIndex], end: float, stated: float, warn: Callable[[str, str], None]
) -> None:
    short = next((one for one in indexes if one.packets < one.stated), None)
    Ending(end, stated, cut_short(path), short).tell(path, warn)
    for index in indexes:
        tell_lost(path, index, warn)


def _common(stream: Stream, container: InputContainer) -> dict[str, Any]:
    unit, codec = stream.time_base, stream.codec_context
    start = stream.start_time
    return {
        "index": stream.index,
        "codec": codec.codec.canonical_name if codec else None,
        "language": stream.language,
        "title": stream.metadata.get("title") or stream.metadata.get("name"),  # the latter in MP4
        "dispositions": uses_of(stream.disposition),
        "start": float(start * unit - origin_of(container)) if start is not None and unit else None,
        "duration": float(stream.duration * unit) if stream.duration and stream.duration > 0 and unit else None,
    }


def _video(
    container: InputContainer, stream: VideoStream, index: PacketIndex | None, frame: VideoFrame | None
) -> VideoFacts:
    codec = stream.codec_context
    common = _common(stream, container)
    if codec is None:
        return VideoFacts(**common)
    rotation = rotation_of(frame) if frame else 0
    width, height = (frame.width, frame.height) if frame else (codec.width, codec.height)
    pixels = frame.format if frame else codec.format
    aspect = stream.sample_aspect_ratio or Fraction(1)
    shown = display_size(*square_size(width, height, aspect), rotation)
    return VideoFacts(
        **common,
        profile=codec.profile,
        width=width,
        height=height,
        pixel_aspect=f"{aspect.numerator}:{aspect.denominator}",
        rotation=rotation,
        mirrored=bool(frame and is_mirrored(frame)),
        display_width=shown[0],
        display_height=shown[1],
        pixel_format=pixels.name if pixels else None,
        bits=max((one.bits for one in pixels.components), default=None) if pixels else None,
        colour=colour_of(codec),
        hdr=hdr_of(codec, frame),
        interlaced=frame.interlaced_frame if frame else codec.field_order > 1,
        rate=str(stream.average_rate) if stream.average_rate else None,
        nominal_rate=str(stream.guessed_rate) if stream.guessed_rate else None,
        timecode=timecode_of(stream.metadata),
        bit_rate=codec.bit_rate or None,
        times=frame_times(index, origin_of(container)) if index else None,
    )


def _sound(stream: Any, container: InputContainer) -> SoundFacts:
    codec = stream.codec_context
    return SoundFacts(
        **_common(stream, container),
        rate=max(0, codec.sample_rate) if codec else None,  # a header can state a negative one
        channels=codec.layout.nb_channels if codec else None,
        layout=codec.layout.name if codec else None,
        bits=bits_of(codec) if codec else None,
        bit_rate=(codec and codec.bit_rate) or None,
    )


def _subtitles(stream: Stream, container: InputContainer) -> SubtitleFacts:
    common = _common(stream, container)
    return SubtitleFacts(**common, text=common["codec"] not in (*PICTURES, None))


def _others(container: InputContainer) -> Iterator[OtherFacts]:
    for stream in container.streams:
        cover = stream.type == "video" and is_cover(stream)
        if cover or stream.type not in ("video", "audio", "subtitle"):
            yield OtherFacts(**_common(stream, container), kind="cover" if cover else str(stream.type))


def _chapters(container: InputContainer) -> Iterator[ChapterFacts]:
    origin = float(origin_of(container))
    for one in container.chapters()[:MOST_CHAPTERS]:
        unit = float(one["time_base"] or 0)
        title = one["metadata"].get("title", "")
        yield ChapterFacts(start=one["start"] * unit - origin, end=one["end"] * unit - origin, title=title)
