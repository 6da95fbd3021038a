"""In which container and with which codecs a cut file is written, like its source where that is possible."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from avstudio_video.encoding.containers import (
    CONTAINERS,
    USUAL_CONTAINERS,
    ContainerName,
    SoundCodec,
    VideoCodec,
    VideoFormat,
    chosen_codec,
)
from avstudio_video.timeline.canvas import Canvas, even
from avstudio_video.timeline.footage import Footage

FilmFormat = Literal["auto", VideoFormat]
FilmCodec = Literal["auto", "h264", "hevc", "av1", "vp9", "prores", "ffv1"]
EIGHT_BITS = 8
MOST_MP3_CHANNELS = 2
UNUSUAL = ("pal8", "rgb8", "bgr8", "rgb4", "bgr4", "monow", "monob")
"""Pixel formats with few colours, in which pictures cannot be scaled or mixed."""


def container_of(footage: Footage, wanted: FilmFormat, codec: FilmCodec) -> ContainerName:
    """The container that a request names, or that of a file if it takes its codec, or a usual one for the codec."""
    if wanted != "auto":
        return wanted
    if codec != "auto" and codec != footage.picture.codec:
        return USUAL_CONTAINERS[codec]
    names, ending = footage.contents.container.split(","), footage.name.rpartition(".")[2].lower()
    found: ContainerName = "mp4"
    if "mov" in names:
        found = "mov" if ending == "mov" else "mp4"
    elif "matroska" in names:
        found = "webm" if ending == "webm" else "mkv"
    known = footage.picture.codec in CONTAINERS[found].video
    return found if known or found == "mkv" else "mp4"


def codec_of(footage: Footage, name: ContainerName, wanted: FilmCodec) -> VideoCodec:
    """The codec of a request, or that of a file if the container takes it. Raises `InvalidParams`.

    Of another codec, more than 8 bits are kept if the container takes a codec for it.
    """
    if wanted != "auto":
        return chosen_codec(name, wanted)
    known, given = CONTAINERS[name].video, footage.picture.codec
    if given in known:
        return given
    deep = (footage.picture.bits or EIGHT_BITS) > EIGHT_BITS
    return "hevc" if known[0] == "h264" and deep and "hevc" in known else known[0]


def sound_codec_of(codec: str | None, channels: int, name: ContainerName) -> SoundCodec:
    """The codec of a track if the container takes it, or the container's usual one."""
    plain = "pcm" if (codec or "").startswith("pcm_") else codec
    known = CONTAINERS[name].sound
    if plain in known and not (plain == "mp3" and channels > MOST_MP3_CHANNELS):
        return plain
    return known[0]


def canvas_of(footage: Sequence[Footage]) -> Canvas:
    """The size, the pixel shape and the pixel format of the first file."""
    first = footage[0]
    turned = first.stream.rotation % 180 != 0
    pixels = first.picture.pixel_format or "yuv420p"
    return Canvas(
        *even(first.upright_size),
        1 / first.stream.aspect if turned else first.stream.aspect,
        "rgb24" if pixels in UNUSUAL else pixels,
    )


def rate_of(footage: Sequence[Footage]) -> Fraction | None:
    """The frames per second that all files have; `None` if they differ, or if one has no constant rate."""
    rates = {one.grid.rate for one in footage}
    return rates.pop() if len(rates) == 1 else None
