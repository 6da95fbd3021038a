"""Writes samples with libsndfile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from avstudio_audio.media.dither import Rounding
from avstudio_audio.media.formats import Encoding
from avstudio_audio.media.labels import Labels
from avstudio_audio.media.ogg import number_by_content
from avstudio_audio.media.output_file import OutputFile
from avstudio_audio.media.traits import TRAITS

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

WAV_LIMIT = (1 << 32) - (1 << 16)
"""The largest size of sound in bytes in a WAV file with 32-bit sizes; RF64 has 64-bit ones (EBU Tech 3306)."""
NAMES = {
    **{name: name for name in ("title", "artist", "album", "date", "genre", "comment", "copyright")},
    "track": "tracknumber",
}
"""The tags that libsndfile writes, by FFmpeg's names."""
NO_PEAK_CHUNK = 0x1050
"""`SFC_SET_ADD_PEAK_CHUNK` of sndfile.h."""


@contextmanager
def sndfile_writer(
    file: OutputFile, encoding: Encoding, channels: int, rate: int, length: int, tags: Mapping[str, str]
) -> Iterator[Callable[[NDArray[np.float32]], None]]:
    """A function that writes blocks of `(channels, any)` to a file."""
    import soundfile

    traits = TRAITS[encoding.format]
    bits = traits.bits(encoding)
    large = traits.container == "WAV" and length * channels * bits // 8 > WAV_LIMIT
    rounding = Rounding(bits, encoding.dither, channels, rate) if traits.rounds(bits) else None
    with soundfile.SoundFile(
        file,
        "w",
        rate,
        channels,
        subtype=traits.codecs[bits],
        format="RF64" if large else traits.container,
        compression_level=traits.qualities.get(encoding.quality),
    ) as sound:
        # Otherwise libsndfile writes the time of day into files of floats, and equal sound gives unequal files.
        soundfile._snd.sf_command(sound._file, NO_PEAK_CHUNK, soundfile._ffi.NULL, 0)
        for name, value in tags.items():
            if name in NAMES:
                setattr(sound, NAMES[name], value)
        yield lambda block: sound.write((rounding.feed(block) if rounding else block).T)
    if traits.container == "OGG":
        number_by_content(file)


def needs_ffmpeg(labels: Labels) -> bool:
    """Whether some labels cannot be written by libsndfile."""
    return bool(labels.cover or labels.chapters or set(labels.tags) - set(NAMES))
