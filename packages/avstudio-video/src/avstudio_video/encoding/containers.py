"""The containers of finished videos, and what each takes: encoded for it, or copied to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, cast

from avstudio_core.errors import InvalidParams
from avstudio_video.media.streams import codec_of

if TYPE_CHECKING:
    from av.stream import Stream

VideoFormat = Literal["mp4", "mov", "mkv", "webm"]
ContainerName = VideoFormat | Literal["gif", "webp", "apng"]
VideoCodec = Literal["h264", "hevc", "av1", "vp9", "prores", "ffv1", "gif", "webp", "apng"]
SoundCodec = Literal["aac", "opus", "mp3", "flac", "alac", "pcm"]
LOWEST_MP3_RATE = 16_000
"""Hz, of MP3 in MP4."""
PCM = "pcm_u8 pcm_s16le pcm_s16be pcm_s24le pcm_s24be pcm_s32le pcm_s32be pcm_f32le pcm_f32be pcm_f64le pcm_f64be"


@dataclass(frozen=True)
class Container:
    """One container, in FFmpeg's names."""

    muxer: str
    media_type: str
    video: tuple[VideoCodec, ...]
    """The codecs that pictures are encoded in for it; the first is the default."""
    sound: tuple[SoundCodec, ...] = ()
    """Likewise; empty for a container without sound."""
    texts: str = ""
    """The codec to which subtitles are converted; empty for a container without subtitles."""
    others: str = ""
    """The codecs that players expect in it, too: their packets are copied."""
    covered: bool = False
    """Whether it stores a cover."""
    clear: bool = False
    """Whether it stores how transparent VP8 and VP9 are."""
    marks: frozenset[str] = frozenset()
    """The uses of tracks that it stores, besides the default, by FFmpeg's names in lower case."""
    edited: bool = False
    """Whether it is of MP4's family: lengths are stored in the order of decoding, and an edit list can hide frames."""
    unit: Fraction | None = None
    """The unit of its times in seconds, if it cannot count in others."""
    options: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def copied(self) -> frozenset[str]:
        """The codecs of streams that can be copied into it, by FFmpeg's canonical names."""
        sound = [PCM if one == "pcm" else one for one in self.sound]
        return frozenset(" ".join([*self.video, *sound, self.texts, self.others]).split())

    def takes(self, stream: Stream) -> bool:
        """Whether the packets of a stream can be copied into it."""
        codec, context = codec_of(stream), cast(Any, stream.codec_context)
        return codec in self.copied and (codec != "mp3" or self.takes_mp3(context.sample_rate))

    def takes_mp3(self, rate: int) -> bool:
        """Whether it stores MP3 of a sample rate in Hz; MP4 does not have those of MPEG-2.5."""
        return self.muxer != "mp4" or rate >= LOWEST_MP3_RATE


_MARKS = frozenset({"forced", "hearing_impaired", "visual_impaired", "comment", "dub", "original", "descriptions"})
_QUICK_START = {"movflags": "+faststart"}
_MILLISECONDS = Fraction(1, 1000)
_ANY_SOUND: tuple[SoundCodec, ...] = ("aac", "alac", "mp3", "flac", "opus", "pcm")
CONTAINERS: Mapping[ContainerName, Container] = MappingProxyType(
    {
        "mp4": Container(
            "mp4",
            "video/mp4",
            ("h264", "hevc", "av1", "vp9"),
            _ANY_SOUND[:-1],
            "mov_text",
            "mpeg4 mpeg2video mpeg1video mjpeg mp2 ac3 eac3",
            covered=True,
            marks=_MARKS - {"original"} | {"captions"},
            edited=True,
            options=_QUICK_START,
        ),
        "mov": Container(
            "mov",
            "video/quicktime",
            ("h264", "hevc", "prores"),
            ("aac", "alac", "mp3", "pcm"),
            "mov_text",
            "mpeg4 mpeg2video mjpeg dnxhd ac3 eac3",
            edited=True,
            options=_QUICK_START,
        ),
        "mkv": Container(
            "matroska",
            "video/x-matroska",
            ("h264", "hevc", "av1", "vp9", "ffv1", "prores"),
            _ANY_SOUND,
            "subrip",
            "vp8 mpeg4 mpeg2video mpeg1video mjpeg theora mp2 ac3 eac3 dts truehd vorbis"
            " ass hdmv_pgs_subtitle dvd_subtitle dvb_subtitle",
            covered=True,
            clear=True,
            marks=_MARKS,
            unit=_MILLISECONDS,
        ),
        "webm": Container(
            "webm",
            "video/webm",
            ("vp9", "av1"),
            ("opus",),
            "webvtt",
            "vp8 vorbis",
            clear=True,
            marks=frozenset({"forced", "captions", "descriptions", "metadata"}),
            unit=_MILLISECONDS,
        ),
        "gif": Container("gif", "image/gif", ("gif",), unit=Fraction(1, 100), options={"loop": "0"}),
        "webp": Container("webp", "image/webp", ("webp",), unit=_MILLISECONDS, options={"loop": "0"}),
        "apng": Container("apng", "image/png", ("apng",), unit=_MILLISECONDS, options={"plays": "0"}),
    }
)
"""By name, which is the suffix of the files."""
USUAL_CONTAINERS: Mapping[VideoCodec, ContainerName] = MappingProxyType(
    {
        "h264": "mp4",
        "hevc": "mp4",
        "av1": "mp4",
        "vp9": "webm",
        "prores": "mov",
        "ffv1": "mkv",
        "gif": "gif",
        "webp": "webp",
        "apng": "apng",
    }
)
"""The container to choose for a codec."""


def chosen_codec(name: ContainerName, wanted: VideoCodec | None) -> VideoCodec:
    """The codec itself, or the default of the container. Raises `InvalidParams` for one that it does not take."""
    known = CONTAINERS[name].video
    if wanted is None or wanted in known:
        return wanted or known[0]
    raise InvalidParams(f"'{name}' does not take the codec '{wanted}'.", hint=_hint(USUAL_CONTAINERS[wanted], known))


def usual_codec(name: ContainerName, bits: int) -> VideoCodec:
    """The default of a container, or HEVC in place of H.264 for pictures of more than 8 bits."""
    known = CONTAINERS[name].video
    return "hevc" if known[0] == "h264" and bits > 8 and "hevc" in known else known[0]


def chosen_sound(name: ContainerName, wanted: SoundCodec | None) -> SoundCodec | None:
    """The codec itself, or the default; `None` for a container without sound. Raises `InvalidParams`."""
    known = CONTAINERS[name].sound
    if wanted is None or wanted in known:
        return wanted or (known[0] if known else None)
    raise InvalidParams(f"'{name}' does not take the sound codec '{wanted}'.", hint=_hint("mkv", known))


def _hint(container: ContainerName, known: tuple[str, ...]) -> str:
    codecs = f" or one of the codecs {', '.join(known)}" if known else ""
    return f"Give the format '{container}'{codecs}."
