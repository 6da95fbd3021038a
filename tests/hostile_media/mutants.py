"""Real media of many formats, and what chance makes of it."""

from __future__ import annotations

import io
import random
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

SOUNDS = (
    *(("wav", one) for one in ("pcm_s16le", "pcm_s24le", "pcm_f32le", "pcm_u8", "pcm_alaw", "adpcm_ms", "pcm_s32le")),
    *(("aiff", "pcm_s16be"), ("au", "pcm_s16be"), ("caf", "pcm_s16le"), ("w64", "pcm_s16le"), ("caf", "alac")),
    *(("flac", "flac"), ("ogg", "flac"), ("ogg", "libvorbis"), ("ogg", "libopus"), ("mp3", "libmp3lame")),
    *(("mp4", "aac"), ("mp4", "alac"), ("ipod", "aac"), ("adts", "aac"), ("mov", "pcm_s16le"), ("ac3", "ac3")),
    *(("matroska", one) for one in ("pcm_s16le", "flac", "libopus", "aac", "libvorbis")),
    *(("webm", "libopus"), ("avi", "pcm_s16le"), ("mpegts", "aac"), ("flv", "aac"), ("asf", "wmav2"), ("tta", "tta")),
    *(("wv", "wavpack"), ("mpegts", "ac3"), ("nut", "flac"), ("eac3", "eac3"), ("voc", "pcm_u8"), ("mp2", "mp2")),
)
PICTURES = (("mp4", "mpeg4"), ("matroska", "mpeg4"), ("avi", "mjpeg"), ("mpegts", "mpeg2video"), ("gif", "gif"))
FILMS = (*PICTURES, ("mp4", "libx264"), ("matroska", "libx264"), ("webm", "libvpx-vp9"), ("mov", "png"))
LIBSNDFILE = (("WAV", "PCM_16"), ("RF64", "PCM_16"), ("AIFF", "FLOAT"), ("SVX", "PCM_16"), ("NIST", "PCM_16"))


def seeds() -> dict[str, bytes]:
    """Valid files of all formats that the libraries here can write, by name."""
    import soundfile

    found = _written((*SOUNDS, *PICTURES))
    for kind, subtype in LIBSNDFILE:
        file = io.BytesIO()
        soundfile.write(file, _tone(22_050)[0], 22_050, format=kind, subtype=subtype)
        found[f"{subtype.lower()}.{kind.lower()}"] = file.getvalue()
    return found


def films() -> dict[str, bytes]:
    """Valid films of ten frames, by name."""
    return _written(FILMS)


def _written(formats: Iterable[tuple[str, str]]) -> dict[str, bytes]:
    import av

    found = dict[str, bytes]()
    for container, codec in formats:
        try:
            found[f"{codec}.{container}"] = _encoded(container, codec)
        except (av.FFmpegError, ValueError):  # this FFmpeg cannot write it
            continue
    return found


def _tone(rate: int) -> Any:
    import numpy as np

    return np.sin(np.arange(rate // 4) * 0.05, dtype=np.float32)[None] * 0.5


def _encoded(container: str, codec: str) -> bytes:
    import av
    import numpy as np

    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        if (container, codec) in FILMS:
            stream: Any = output.add_stream(codec, rate=Fraction(10))
            stream.width, stream.height = 64, 48
            stream.pix_fmt = {"gif": "rgb8", "mjpeg": "yuvj420p", "png": "rgb24"}.get(codec, "yuv420p")
            frames: Any = [av.VideoFrame.from_ndarray(np.full((48, 64, 3), 25 * one, np.uint8)) for one in range(10)]
        else:
            rate = 48_000
            stream = output.add_stream(codec, rate=rate, layout="mono")
            frame = av.AudioFrame.from_ndarray(_tone(rate), format="fltp", layout="mono")
            frame.sample_rate = rate
            frames = [frame]
        for one in frames:
            output.mux(stream.encode(one))
        output.mux(stream.encode(None))
    return file.getvalue()


def mutants(count: int, seed: int, whole: dict[str, bytes] | None = None) -> Iterator[tuple[str, bytes]]:
    """Files that chance has changed, with a name each; the same ones for the same seed."""
    chance, made = random.Random(seed), whole or seeds()
    names = [*made]
    for number in range(count):
        name = names[number % len(names)]
        content = bytearray(made[name])
        for _ in range(chance.choice((1, 1, 2, 4))):
            content = _changed(content, chance, made[chance.choice(names)])
        yield f"{number}-{name}", bytes(content) or b"\0"


def _changed(content: bytearray, chance: random.Random, other: bytes) -> bytearray:
    at = chance.randrange(len(content) or 1)
    head = chance.randrange(min(len(content), 256) or 1)
    match chance.randrange(8):
        case 0:  # some bytes anywhere
            for _ in range(chance.randint(1, 64)):
                place = chance.randrange(len(content) or 1)
                content[place : place + 1] = bytes([chance.randrange(256)])
        case 1:  # bits of the header
            for _ in range(chance.randint(1, 8)):
                place = chance.randrange(min(len(content), 256) or 1)
                content[place : place + 1] = bytes([content[place] ^ 1 << chance.randrange(8)]) if content else b""
        case 2:  # a length, or a number, that is huge, zero or negative
            content[head : head + 4] = chance.choice(
                (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\0\x80")
            )
        case 3:
            del content[at:]
        case 4:  # the beginning of another format
            content[: len(other[:64])] = other[:64]
        case 5:  # a part twice
            content[at:at] = content[at : at + chance.randrange(4096)]
        case 6:
            content[at : at + chance.randrange(2048)] = bytes(chance.randrange(2048))
        case _:  # another file in the middle
            content[at:at] = other[: chance.randrange(len(other))]
    return content[: 4 << 20]
