"""Stem files: a mix and its four stems as tracks of one MP4 file (Native Instruments' Stem format, `.stem.mp4`)."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_audio.media.ffmpeg_writer import container_options, write_labels
from avstudio_audio.media.formats import AudioFormat
from avstudio_audio.media.labels import NO_LABELS, Labels
from avstudio_audio.media.output_file import output_file
from avstudio_audio.media.traits import TRAITS
from avstudio_core.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from av.container import OutputContainer
    from numpy.typing import NDArray

    WriteParts = Callable[[Sequence[NDArray[np.float32]]], None]
    """Takes the next `(2, any)` of the mix and of each stem."""

STEMS = 4
SUFFIX = ".stem.mp4"
MEDIA_TYPE = "audio/mp4"
FORMAT = AudioFormat.M4A
BIT_RATE = 256_000
"""Of each track, in bits per second."""
COLOURS = ("#009E73", "#D55E00", "#CC79A7", "#56B4E9")
"""Players show each stem in its colour; people with any colour vision tell these apart (Okabe and Ito, 2008)."""
MASTERING: dict[str, Any] = {
    "compressor": {
        "enabled": False,
        "ratio": 3,
        "output_gain": 0.5,
        "input_gain": 0.5,
        "release": 0.3,
        "attack": 0.003,
        "threshold": 0,
        "hp_cutoff": 300,
        "dry_wet": 50,
    },
    "limiter": {"enabled": False, "release": 0.05, "threshold": 0, "ceiling": -0.35},
}
"""What a player does with the sum of the stems: nothing. The format requires the values all the same."""
HEADER = struct.Struct(">I4s")
"""Of an MP4 box: size and type (ISO/IEC 14496-12, section 4.2)."""
LARGE = 1
"""The size of a box whose real size, of 64 bits, follows its header."""


@contextmanager
def stem_file_writer(path: Path, rate: int, names: Sequence[str], labels: Labels = NO_LABELS) -> Iterator[WriteParts]:
    """A function that writes blocks of the mix and of its four stems, `names`, to an MP4 file at a rate in Hz.

    The samples must be finite. Raises `InvalidInput` for another number of stems, `DiskFull` and `StorageError`.
    """
    import av
    import numpy as np

    if len(names) != STEMS:
        raise InvalidInput(f"A stem file has {STEMS} stems, not {len(names)}: {', '.join(names)}.")
    options = container_options(TRAITS[FORMAT], rate)
    with output_file(path, FORMAT) as file:
        with av.open(file, "w", format="mp4", container_options=options) as container:
            streams = [_track(container, rate, name, main=not number) for number, name in enumerate(("mix", *names))]
            write_labels(container, labels)
            position = 0

            def write(parts: Sequence[NDArray[np.float32]]) -> None:
                nonlocal position
                for stream, part in zip(streams, parts, strict=True):
                    packed = np.ascontiguousarray(part.T).reshape(1, -1)
                    frame = av.AudioFrame.from_ndarray(packed, "flt", "stereo")
                    frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), position
                    container.mux(stream.encode(frame))
                position += parts[0].shape[1]
                file.check()

            yield write
            for stream in streams:
                container.mux(stream.encode(None))
        file.check()
    add_stem_box(path, names)


def _track(container: OutputContainer, rate: int, name: str, *, main: bool) -> Any:
    import av

    stream: Any = container.add_stream("aac", rate=rate)
    stream.codec_context.layout, stream.codec_context.time_base = "stereo", Fraction(1, rate)
    stream.bit_rate = BIT_RATE
    stream.metadata["handler_name"] = name  # the name of a track in MP4
    stream.disposition = av.stream.Disposition.default if main else av.stream.Disposition(0)  # players play the mix
    return stream


def add_stem_box(path: Path, names: Sequence[str]) -> None:
    """Add the box `stem`, in which players find the names, to `moov/udta` of a file that ends with `moov`."""
    stems = [{"name": name.capitalize(), "color": colour} for name, colour in zip(names, COLOURS, strict=True)]
    facts = {"mastering_dsp": MASTERING, "version": 1, "stems": stems}
    box = _box(b"stem", json.dumps(facts, separators=(",", ":")).encode())
    with path.open("r+b") as file:
        size = path.stat().st_size
        places = {kind: (start, end) for kind, start, end in _boxes(file, 0, size)}
        begin, end = places.get(b"moov", (0, 0))
        if end != size:  # sound after it would move
            raise InvalidInput(f"'{path}' does not end with its headers: the names of the stems cannot be added.")
        file.seek(begin + HEADER.size)
        moov = file.read(end - begin - HEADER.size)
        file.seek(begin)
        file.write(_box(b"moov", _with_user_data(moov, box)))


def _with_user_data(moov: bytes, box: bytes) -> bytes:
    """The content of `moov` with a box added to its `udta`, which is made if it is absent."""
    position = 0
    while position + HEADER.size <= len(moov):
        size, kind = HEADER.unpack_from(moov, position)
        if kind == b"udta":
            inside = moov[position + HEADER.size : position + size]
            return moov[:position] + _box(b"udta", inside + box) + moov[position + size :]
        position += max(size, HEADER.size)
    return moov + _box(b"udta", box)


def _box(kind: bytes, content: bytes) -> bytes:
    return HEADER.pack(HEADER.size + len(content), kind) + content


def _boxes(file: Any, begin: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The type, the start and the end of each box in a part of a file."""
    while begin + HEADER.size <= end:
        file.seek(begin)
        size, kind = HEADER.unpack(file.read(HEADER.size))
        if size == LARGE:
            size = int.from_bytes(file.read(8))
        size = size or end - begin
        yield kind, begin, begin + size
        begin += max(size, HEADER.size)
