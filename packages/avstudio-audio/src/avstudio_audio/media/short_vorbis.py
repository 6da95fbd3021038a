"""Short Ogg Vorbis by libsndfile: FFmpeg 8 places the sound of a file of one page late, and cuts its end by as much."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_audio.media.downmix import SPEAKERS
from avstudio_audio.media.progress import Warn

if TYPE_CHECKING:
    import numpy as np
    from av.container import InputContainer
    from numpy.typing import NDArray

    from avstudio_audio.media.reader import Span

ONE_PAGE = 10.0
"""Seconds; in longer files the places are right."""


def short_vorbis(container: InputContainer, path: Path, span: Span) -> ShortVorbis | None:
    """A reader for a file that is one and whole; with more than two channels their order would differ."""
    import soundfile

    if container.format.name != "ogg" or len(container.streams) != 1 or not container.streams.audio:
        return None
    codec, seconds = container.streams.audio[0].codec_context, (container.duration or 0) / 1_000_000
    if codec is None or codec.name != "vorbis" or codec.channels > 2 or not 0 < seconds < ONE_PAGE:
        return None
    try:
        data, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.SoundFileError:
        return None
    return ShortVorbis(data.T, rate, span) if len(data) == round(seconds * rate) else None


class ShortVorbis:
    """Reads a span as `AudioReader` does."""

    def __init__(self, data: NDArray[np.float32], rate: int, span: Span) -> None:
        """`data` is the whole."""
        begin = min(round(span[0] * rate), data.shape[1])
        self._data = data[:, begin : round(min(span[1], data.shape[1] / rate) * rate)]
        self.rate, self.start = rate, begin / rate
        self.channels, self.length = self._data.shape
        self.speakers = SPEAKERS[self.channels]

    def arrays(self) -> Iterator[NDArray[np.float32]]:
        yield self._data

    def report(self, warn: Warn) -> None:
        """Nothing: the file is whole."""
