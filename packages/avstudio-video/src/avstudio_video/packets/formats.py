"""The containers that packets are copied to, and which codecs each of them takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from av.stream import Stream

VideoFormat = Literal["mp4", "mov", "mkv", "webm"]


@dataclass(frozen=True, slots=True)
class ContainerFormat:
    """A container; codecs have FFmpeg's canonical names."""

    muxer: str
    """FFmpeg's name of the format."""
    media_type: str
    codecs: Mapping[str, frozenset[str]]
    """The codecs that players expect in it, by the type of their stream."""
    options: Mapping[str, str] = field(default_factory=dict)
    hidden_lead: bool = False
    """Whether it has edit lists, so that packets before the start are decoded, but not shown."""

    def takes(self, stream: Stream) -> bool:
        """Whether the packets of a stream can be copied into it."""
        return codec_of(stream) in self.codecs.get(stream.type, ())


_PCM = "pcm_u8 pcm_s16le pcm_s16be pcm_s24le pcm_s24be pcm_s32le pcm_s32be pcm_f32le pcm_f32be pcm_f64le pcm_f64be"


def _codecs(video: str, audio: str, subtitle: str) -> dict[str, frozenset[str]]:
    return {
        "video": frozenset(video.split()),
        "audio": frozenset(audio.split()),
        "subtitle": frozenset(subtitle.split()),
    }


FAST_START = {"movflags": "+faststart"}
"""The index is written before the packets, so that a player can begin before it has the whole file."""
FORMATS: dict[VideoFormat, ContainerFormat] = {
    "mp4": ContainerFormat(
        "mp4",
        "video/mp4",
        _codecs(
            "h264 hevc av1 vp9 mpeg4 mpeg2video mpeg1video mjpeg", "aac mp3 mp2 ac3 eac3 opus flac alac", "mov_text"
        ),
        FAST_START,
        hidden_lead=True,
    ),
    "mov": ContainerFormat(
        "mov",
        "video/quicktime",
        _codecs("h264 hevc mpeg4 mpeg2video mjpeg prores dnxhd", f"aac mp3 ac3 eac3 alac {_PCM}", "mov_text"),
        FAST_START,
        hidden_lead=True,
    ),
    "mkv": ContainerFormat(
        "matroska",
        "video/x-matroska",
        _codecs(
            "h264 hevc av1 vp8 vp9 mpeg4 mpeg2video mpeg1video mjpeg prores ffv1 theora",
            f"aac mp3 mp2 ac3 eac3 dts truehd opus vorbis flac alac {_PCM}",
            "subrip ass webvtt hdmv_pgs_subtitle dvd_subtitle dvb_subtitle",
        ),
    ),
    "webm": ContainerFormat("webm", "video/webm", _codecs("vp8 vp9 av1", "opus vorbis", "webvtt")),
}
"""By name, which is the suffix of the files."""


def codec_of(stream: Stream) -> str:
    """FFmpeg's canonical name of a stream's codec; empty if it is unknown."""
    return stream.codec_context.codec.canonical_name if stream.codec_context else ""
