"""The decoder of media files to samples."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_audio.media.limits import BYTES, USUAL, Limits
from avstudio_audio.media.progress import Progress, Warn, log_warning
from avstudio_audio.media.reader import BLOCK, no_sound
from avstudio_audio.media.samples import Samples
from avstudio_audio.media.stream import open_stream
from avstudio_core.errors import NotEnoughMemory
from avstudio_core.spans import WHOLE, Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def decode(  # noqa: PLR0913
    path: Path,
    *,
    rate: int | None = None,
    channels: int | None = None,
    span: Span = WHOLE,
    track: str | None = None,
    progress: Progress | None = None,
    warn: Warn = log_warning,
    limits: Limits = USUAL,
) -> Samples:
    """The sound of an audio or video file, `(channels, samples)` float32; by default at its own rate and channels.

    The arguments, warnings and errors are those of `open_stream`. Raises besides `InvalidInput` for a span without
    sound, and `NotEnoughMemory`.
    """
    path = Path(path)
    try:
        with open_stream(
            path, rate=rate, channels=channels, span=span, track=track, progress=progress, warn=warn, limits=limits
        ) as stream:
            if stream.states_length:
                limits.check(path, stream.length / stream.rate, stream.length * stream.channels * BYTES)
            pieces = limits.within(path, stream.blocks(), stream.rate)
            samples = Samples(_collected(pieces, stream.channels, stream.length), stream.rate, stream.start)
    except MemoryError as error:
        raise NotEnoughMemory(
            f"The sound of '{path}' does not fit into memory.", hint="Decode a part of it."
        ) from error
    if not samples.length:
        raise no_sound(path, span)
    return samples


def _collected(pieces: Iterable[NDArray[np.float32]], channels: int, expected: int) -> NDArray[np.float32]:
    """The pieces in one array; the unused part of its reserved memory is never touched."""
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
