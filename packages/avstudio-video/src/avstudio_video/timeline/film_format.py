"""In which container and with which codecs a cut file is written, like its source where that is possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, get_args

from avstudio_video.effects.streams import Clip
from avstudio_video.encoding.colour_tags import BT709, LIMITED, ColourTags
from avstudio_video.encoding.containers import (
    CONTAINERS,
    USUAL_CONTAINERS,
    ContainerName,
    SoundCodec,
    VideoCodec,
    VideoFormat,
    chosen_codec,
    usual_codec,
)
from avstudio_video.encoding.encoder_choice import chosen_encoder
from avstudio_video.encoding.pixel_formats import Detail
from avstudio_video.encoding.video_codecs import EVEN
from avstudio_video.encoding.video_track import VideoEncoding
from avstudio_video.media.first_frame import first_frame
from avstudio_video.media.limits import Limits
from avstudio_video.timeline.canvas import Canvas, even
from avstudio_video.timeline.footage import Footage

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

Moving = Literal["gif", "apng"]
"""The containers of moving images that are written like their source."""
FilmFormat = Literal["auto", VideoFormat, Moving]
FilmCodec = Literal["auto", "h264", "hevc", "av1", "vp9", "prores", "ffv1"]
EIGHT_BITS = 8
USUAL_UNIT, FINEST = Fraction(1, 90_000), Fraction(1, 1_000_000)
"""Units of time in seconds: of several files, and the shortest one that containers can have."""
MOST_MP3_CHANNELS = 2


def container_of(footage: Footage, wanted: FilmFormat, codec: FilmCodec) -> ContainerName:
    """The container that a request names, or that of a file if it takes its codec, or a usual one for the codec."""
    if wanted != "auto":
        return wanted
    if codec != "auto" and codec != footage.picture.codec:
        return USUAL_CONTAINERS[codec]
    names, ending = footage.contents.container.split(","), footage.name.rpartition(".")[2].lower()
    moving: tuple[ContainerName, ...] = get_args(Moving)
    if found := next((one for one in moving if one in names), None):
        return found
    found = "mp4"
    if "mov" in names:
        found = "mov" if ending == "mov" else "mp4"
    elif "matroska" in names:
        found = "webm" if ending == "webm" else "mkv"
    known = footage.picture.codec in CONTAINERS[found].video
    return found if known or found in ("mkv", "webm") else "mp4"


def codec_of(footage: Footage, name: ContainerName, wanted: FilmCodec) -> VideoCodec:
    """The codec of a request, or that of a file if the container takes it. Raises `InvalidParams`.

    Of another codec, more than 8 bits are kept if the container takes a codec for it.
    """
    if wanted != "auto":
        return chosen_codec(name, wanted)
    known, given = CONTAINERS[name].video, footage.picture.codec
    return given if given in known else usual_codec(name, footage.picture.bits or EIGHT_BITS)


def sound_codec_of(codec: str | None, channels: int, rate: int, name: ContainerName) -> SoundCodec:
    """The codec of a track if the container takes it, or the container's usual one."""
    plain = "pcm" if (codec or "").startswith("pcm_") else codec
    known = CONTAINERS[name].sound
    rated = channels <= MOST_MP3_CHANNELS and CONTAINERS[name].takes_mp3(rate)
    if plain in known and (plain != "mp3" or rated):
        return plain
    return known[0]


def canvas_of(footage: Sequence[Footage], encoding: VideoEncoding, limits: Limits) -> Canvas:
    """The size, the pixel shape and the colours of the first file, with as many of its bits as the encoder has."""
    stream = footage[0].stream
    frame = first_frame(footage[0].path, stream.number, limits)
    assert frame is not None  # an indexed stream has one
    size = even(footage[0].upright_size) if encoding.codec in EVEN else footage[0].upright_size
    pixels, tags = _pixels_for(frame, encoding, size), ColourTags.of(frame)
    if frame.format.is_rgb and pixels.startswith("yuv"):
        tags = replace(tags, range=LIMITED)
    if stream.hdr and Detail.of(pixels).bits <= EIGHT_BITS:
        tags = ColourTags(BT709, BT709, BT709, LIMITED)
    aspect = 1 / stream.aspect if stream.rotation % 180 else stream.aspect
    return Canvas(Clip(*size, rate_of(footage), _unit(footage), tags, pixels, aspect, stream.notes))


def _pixels_for(frame: VideoFrame, encoding: VideoEncoding, size: tuple[int, int]) -> str:
    encoder = chosen_encoder(encoding.codec, encoding.encoder, size)
    pixels = encoder.format_for(frame.format.name, faithful=encoding.faithful)
    return "bgra" if pixels == "pal8" else pixels  # a palette is made from all colours


def _unit(footage: Sequence[Footage]) -> Fraction:
    """The unit of times in seconds: that of the file if there is one, and containers can have it."""
    unit = footage[0].stream.index.unit
    return USUAL_UNIT if len(footage) > 1 or unit.numerator != 1 or unit < FINEST else unit


def rate_of(footage: Sequence[Footage]) -> Fraction | None:
    """The frames per second that all files have; `None` if they differ, or if one has no constant rate."""
    rates = {one.grid.rate for one in footage}
    return rates.pop() if len(rates) == 1 else None
