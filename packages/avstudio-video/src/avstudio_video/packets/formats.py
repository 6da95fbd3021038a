"""The containers that packets are copied to, and the codecs that each takes from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from avstudio_video.encoding.containers import CONTAINERS, Container

if TYPE_CHECKING:
    from av.stream import Stream

VideoFormat = Literal["mp4", "mov", "mkv", "webm"]


@dataclass(frozen=True, slots=True)
class CopyFormat:
    """A container; codecs have FFmpeg's canonical names."""

    name: VideoFormat
    codecs: Mapping[str, frozenset[str]]
    """The codecs that players expect in it, by the type of their stream."""
    hidden_lead: bool = False
    """Whether it has edit lists, so that packets before the start are decoded, but not shown."""

    @property
    def container(self) -> Container:
        return CONTAINERS[self.name]

    def takes(self, stream: Stream) -> bool:
        """Whether the packets of a stream can be copied into it."""
        return codec_of(stream) in self.codecs.get(stream.type, ())


_PCM = "pcm_u8 pcm_s16le pcm_s16be pcm_s24le pcm_s24be pcm_s32le pcm_s32be pcm_f32le pcm_f32be pcm_f64le pcm_f64be"


def _codecs(video: str, audio: str, subtitle: str) -> dict[str, frozenset[str]]:
    texts = {"video": video, "audio": audio, "subtitle": subtitle}
    return {kind: frozenset(text.split()) for kind, text in texts.items()}


_MP4 = _codecs("h264 hevc av1 vp9 mpeg4 mpeg2video mpeg1video mjpeg", "aac mp3 mp2 ac3 eac3 opus flac alac", "mov_text")
_MOV = _codecs("h264 hevc mpeg4 mpeg2video mjpeg prores dnxhd", f"aac mp3 ac3 eac3 alac {_PCM}", "mov_text")
_MKV = _codecs(
    "h264 hevc av1 vp8 vp9 mpeg4 mpeg2video mpeg1video mjpeg prores ffv1 theora",
    f"aac mp3 mp2 ac3 eac3 dts truehd opus vorbis flac alac {_PCM}",
    "subrip ass webvtt hdmv_pgs_subtitle dvd_subtitle dvb_subtitle",
)
_WEBM = _codecs("vp8 vp9 av1", "opus vorbis", "webvtt")
FORMATS: dict[VideoFormat, CopyFormat] = {
    "mp4": CopyFormat("mp4", _MP4, hidden_lead=True),
    "mov": CopyFormat("mov", _MOV, hidden_lead=True),
    "mkv": CopyFormat("mkv", _MKV),
    "webm": CopyFormat("webm", _WEBM),
}
"""By name, which is the suffix of the files."""


def codec_of(stream: Stream) -> str:
    """FFmpeg's canonical name of a stream's codec; empty if it is unknown."""
    return stream.codec_context.codec.canonical_name if stream.codec_context else ""
