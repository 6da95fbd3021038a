"""The containers of finished videos, and the codecs that each takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from avstudio_core.errors import InvalidParams

ContainerName = Literal["mp4", "mov", "mkv", "webm", "gif", "webp", "apng"]
VideoCodec = Literal["h264", "hevc", "av1", "vp9", "prores", "ffv1", "gif", "webp", "apng"]
SoundCodec = Literal["aac", "opus", "mp3", "flac", "alac", "pcm"]


@dataclass(frozen=True, slots=True)
class Container:
    """One container, in FFmpeg's names."""

    muxer: str
    media_type: str
    video: tuple[VideoCodec, ...]
    """The codecs that it takes; the first is the default."""
    sound: tuple[SoundCodec, ...] = ()
    """Likewise; empty for a container without sound."""
    options: Mapping[str, str] = field(default_factory=dict)


_QUICK_START = {"movflags": "+faststart"}
_ANY_SOUND: tuple[SoundCodec, ...] = ("aac", "alac", "mp3", "flac", "opus", "pcm")
CONTAINERS: Mapping[ContainerName, Container] = MappingProxyType(
    {
        "mp4": Container("mp4", "video/mp4", ("h264", "hevc", "av1", "vp9"), _ANY_SOUND[:-1], _QUICK_START),
        "mov": Container(
            "mov", "video/quicktime", ("h264", "hevc", "prores"), ("aac", "alac", "mp3", "pcm"), _QUICK_START
        ),
        "mkv": Container("matroska", "video/x-matroska", ("h264", "hevc", "av1", "vp9", "ffv1", "prores"), _ANY_SOUND),
        "webm": Container("webm", "video/webm", ("vp9", "av1"), ("opus",)),
        "gif": Container("gif", "image/gif", ("gif",), options={"loop": "0"}),
        "webp": Container("webp", "image/webp", ("webp",), options={"loop": "0"}),
        "apng": Container("apng", "image/png", ("apng",), options={"plays": "0"}),
    }
)
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


def chosen_sound(name: ContainerName, wanted: SoundCodec | None) -> SoundCodec | None:
    """The codec itself, or the default; `None` for a container without sound. Raises `InvalidParams`."""
    known = CONTAINERS[name].sound
    if wanted is None or wanted in known:
        return wanted or (known[0] if known else None)
    raise InvalidParams(f"'{name}' does not take the sound codec '{wanted}'.", hint=_hint("mkv", known))


def _hint(container: ContainerName, known: tuple[str, ...]) -> str:
    codecs = f" or one of the codecs {', '.join(known)}" if known else ""
    return f"Give the format '{container}'{codecs}."
