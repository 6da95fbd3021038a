"""Any media file to samples: the one decoder."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_audio.media.container import open_media
from avstudio_audio.media.downmix import mix_matrix
from avstudio_audio.media.progress import Progress, Warn, log_warning
from avstudio_audio.media.reader import BLOCK, AudioReader, Span, no_sound
from avstudio_audio.media.resample import resampled
from avstudio_audio.media.samples import Samples, first_not_finite
from avstudio_audio.media.sndfile_reader import SndfileReader, sndfile_reader
from avstudio_core.errors import InvalidParams, NotEnoughMemory, UnreadableMedia

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WHOLE: Span = (0.0, math.inf)
DENSEST = 512
"""Samples a channel that a byte may hold; no codec packs sound tighter, so a header that says more lies."""


def decode(
    path: Path,
    *,
    rate: int | None = None,
    channels: int | None = None,
    span: Span = WHOLE,
    progress: Progress | None = None,
    warn: Warn = log_warning,
) -> Samples:
    """The main sound of an audio or video file, `(channels, samples)` float32; by default at its own rate and channels.

    `rate` is in Hz; `channels` is 1 or 2, or as many as there are; `span` is in seconds from the start of the
    file, and what lies outside the file is left out. Files that are `truncated` or `damaged` give what is there,
    and `warn` hears of it. Raises `UnreadableMedia` (`NoAudio` where there is none), `InvalidParams`,
    `InvalidInput` for a span without sound, and `NotEnoughMemory`.
    """
    _check(rate, channels, span)
    path = Path(path)
    try:
        with open_media(path) as container:
            reader = sndfile_reader(container, path, span) or AudioReader(container, path, span)
            data = _gathered(reader, rate or reader.rate, channels or reader.channels, path, progress)
            reader.report(warn)
    except MemoryError as error:
        raise NotEnoughMemory(
            f"The sound of '{path}' does not fit into memory.", hint="Decode a part of it."
        ) from error
    if not data.shape[1]:
        raise no_sound(path, span)
    return Samples(data, rate or reader.rate, reader.start)


def _check(rate: int | None, channels: int | None, span: Span) -> None:
    if rate is not None and not 100 <= rate <= 1_000_000:
        raise InvalidParams(f"The rate '{rate}' is not between 100 and 1000000 Hz.")
    if channels is not None and channels < 1:
        raise InvalidParams(f"'{channels}' is not a valid number of channels.", hint="Give 1 or 2.")
    if not 0 <= span[0] < span[1]:
        raise InvalidParams(
            f"The span from '{span[0]}' to '{span[1]}' s is not a valid range of time.", hint="Begin at 0 s or later."
        )


def _gathered(
    reader: AudioReader | SndfileReader, rate: int, channels: int, path: Path, progress: Progress | None
) -> NDArray[np.float32]:
    """All that a reader gives, mixed, resampled, and in one array."""
    pieces = _finite(reader.arrays(), reader.start, reader.rate, path)
    if progress:
        pieces = _watched(pieces, reader.length, progress)
    if channels != reader.channels:
        if channels > 2:
            raise InvalidParams(f"'{path}' has {reader.channels} channels; they can become 1 or 2, not '{channels}'.")
        matrix = mix_matrix(reader.speakers, channels)
        pieces = (matrix @ piece for piece in pieces)
    if rate != reader.rate:
        pieces = resampled(pieces, channels, reader.rate, rate)
    expected = min(reader.length, path.stat().st_size * DENSEST)
    return _collected(pieces, channels, -(-expected * rate // reader.rate))


def _finite(
    pieces: Iterable[NDArray[np.float32]], start: float, rate: int, path: Path
) -> Iterator[NDArray[np.float32]]:
    """The same pieces, all numbers. Raises `UnreadableMedia`: one NaN would spread through every filter."""
    position = 0
    for piece in pieces:
        bad = first_not_finite(piece)
        if bad is not None:
            time = start + (position + bad) / rate
            raise UnreadableMedia(
                f"'{path}' contains values that are not numbers (NaN, infinity), the first at {time:.3f} s."
            )
        position += piece.shape[1]
        yield piece


def _watched(pieces: Iterable[NDArray[np.float32]], length: int, progress: Progress) -> Iterator[NDArray[np.float32]]:
    """The same pieces, while `progress` hears of every hundredth of `length` samples."""
    done = told = 0
    for piece in pieces:
        yield piece
        done += piece.shape[1]
        if done - told >= length / 100 and done < length:
            told = done
            progress(done / length)
    progress(1.0)


def _collected(pieces: Iterable[NDArray[np.float32]], channels: int, expected: int) -> NDArray[np.float32]:
    """The pieces in one array; memory that is reserved for them but not used is never touched."""
    import numpy as np

    array, length = np.empty((channels, expected + BLOCK), np.float32), 0
    for piece in pieces:
        end = length + piece.shape[1]
        if end > array.shape[1]:
            larger = np.empty((channels, 2 * end), np.float32)
            larger[:, :length] = array[:, :length]
            array = larger
        array[:, length:end] = piece
        length = end
    return array[:, :length]
