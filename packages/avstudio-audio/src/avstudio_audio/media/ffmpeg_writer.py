"""Writes samples with FFmpeg."""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

from avstudio_audio.media.dither import Rounding
from avstudio_audio.media.formats import Encoding
from avstudio_audio.media.labels import Chapter, Cover, Labels
from avstudio_audio.media.output_file import OutputFile
from avstudio_audio.media.traits import FLOAT, TRAITS, Traits

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from numpy.typing import NDArray

WITH_PICTURES = ("flac", "mp3", "mp4")
"""The containers that FFmpeg gives a picture as a stream of its own."""
REPEATABLE = {"fflags": "+bitexact"}
"""Without it, FFmpeg writes random numbers and its version into files."""
WITH_COMMENTS = ("flac", "ogg")
"""The containers whose tags are Vorbis comments."""
FLOATS = "flt"
INTEGERS = "s32"
SAMPLE_FORMATS = {16: "s16", 24: "s32", FLOAT: FLOATS}
"""FFmpeg's formats of the encoders by bits."""
LAMBDA = 118
"""FFmpeg's unit of quality (`FF_QP2LAMBDA`)."""
FAST_LAME = {"compression_level": "7"}
"""LAME's quick search for the encoding, which has almost the same quality."""


CONSTRAINED = {"vbr": "constrained"}
"""Without it, Opus takes up to twice the bit rate for sound that is difficult."""


@contextmanager
def ffmpeg_writer(
    file: OutputFile, encoding: Encoding, channels: int, rate: int, labels: Labels
) -> Iterator[Callable[[NDArray[np.float32]], None]]:
    """A function that writes blocks of `(channels, any)` to a file, at the file's rate."""
    import av
    import numpy as np

    traits = TRAITS[encoding.format]
    bits = traits.bits(encoding)
    layout, position = traits.layouts[channels - 1], 0
    rounding = Rounding(bits, encoding.dither, channels, rate) if traits.rounds(bits) else None
    with av.open(file, "w", format=traits.container, container_options=container_options(traits, rate)) as container:
        stream = _stream(container, encoding, rate, layout)
        write_labels(container, labels)

        def put(block: NDArray[np.float32]) -> None:
            nonlocal position
            if not block.shape[1]:  # a resampler gives nothing before it has read enough
                return
            numbers: NDArray[Any] = rounding.feed(block) if rounding else block
            packed = np.ascontiguousarray(numbers.T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, INTEGERS if rounding else FLOATS, layout)
            # With a time stamp, the encoder's delay is stored in the file, and players skip it.
            frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), position
            position += block.shape[1]
            container.mux(stream.encode(frame))

        yield put
        container.mux(stream.encode(None))


def container_options(traits: Traits, rate: int) -> dict[str, str]:
    """FFmpeg's options of a container for sound of some rate."""
    return REPEATABLE | {name: value.format(rate=rate) for name, value in traits.options.items()}


def write_labels(container: OutputContainer, labels: Labels) -> None:
    """Write tags, chapters and a cover, after all streams are added and before the first packet."""
    container.metadata.update(labels.tags)
    if labels.cover and container.format.name == "ogg":
        container.metadata["METADATA_BLOCK_PICTURE"] = _picture_block(labels.cover)
    if container.format.name in WITH_COMMENTS:
        container.metadata.update(_chapter_comments(labels.chapters))
    elif labels.chapters:
        container.set_chapters([_chapter(number, one) for number, one in enumerate(labels.chapters)])
    if labels.cover and container.format.name in WITH_PICTURES:
        _write_cover(container, labels.cover)


def _chapter_comments(chapters: Sequence[Chapter]) -> Iterator[tuple[str, str]]:
    """Chapters as comments: `CHAPTER001=00:00:01.500`, `CHAPTER001NAME=…`."""
    for number, chapter in enumerate(chapters, 1):
        minutes, seconds = divmod(chapter.start, 60)
        yield f"CHAPTER{number:03}", f"{int(minutes) // 60:02}:{int(minutes) % 60:02}:{seconds:06.3f}"
        yield f"CHAPTER{number:03}NAME", chapter.title


def _picture_block(cover: Cover) -> str:
    """A front cover in the form of FLAC (RFC 9639, section 8.8), without its size in pixels, in base64."""
    kind = cover.media_type.encode()
    parts = struct.pack(">II", 3, len(kind)), kind, struct.pack(">6I", 0, 0, 0, 0, 0, len(cover.data)), cover.data
    return base64.b64encode(b"".join(parts)).decode()


def _chapter(number: int, chapter: Chapter) -> Any:
    return {
        "id": number,
        "start": round(chapter.start * 1000),
        "end": round(chapter.end * 1000),
        "time_base": Fraction(1, 1000),
        "metadata": {"title": chapter.title},
    }


def _write_cover(container: OutputContainer, cover: Cover) -> None:
    import av

    with av.open(io.BytesIO(cover.data), "r") as picture:
        template = picture.streams.video[0]
        stream = container.add_stream_from_template(template)
        stream.disposition = av.stream.Disposition.attached_pic
        packet = next(picture.demux(template))
        packet.stream, packet.pts, packet.dts = stream, 0, 0
        container.mux(packet)


def _stream(container: OutputContainer, encoding: Encoding, rate: int, layout: str) -> AudioStream:
    traits = TRAITS[encoding.format]
    bits = traits.bits(encoding)
    stream = cast("AudioStream", container.add_stream(traits.codecs[bits], rate=rate))
    codec = stream.codec_context
    codec.layout, codec.time_base = layout, Fraction(1, rate)
    if bits:
        codec.format = SAMPLE_FORMATS[bits] + ("p" if traits.planar else "")
        codec.options = {"bits_per_raw_sample": str(bits)} if bits == 24 else {}
    elif encoding.bit_rate:
        codec.bit_rate = encoding.bit_rate
        codec.options = CONSTRAINED if traits.codecs[0] == "libopus" else {}
    elif traits.codecs[0] == "libmp3lame":
        codec.qscale = True
        codec.options = FAST_LAME | {"global_quality": str(round(traits.qualities[encoding.quality] * LAMBDA))}
    else:
        codec.bit_rate = round(traits.qualities[encoding.quality]) * codec.layout.nb_channels
    return stream
