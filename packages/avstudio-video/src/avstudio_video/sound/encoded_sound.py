"""A part of a track that is encoded to a file."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_video.encoding.overload import Overload
from avstudio_video.encoding.sound_codecs import SOUND_ENCODERS, sound_encoder, usable_rate
from avstudio_video.encoding.sound_track import SoundEncoding, SoundTrack
from avstudio_video.encoding.writer import new_file
from avstudio_video.sound.formats import FORMATS, SoundFormat

if TYPE_CHECKING:
    import numpy as np
    from av.container import OutputContainer
    from numpy.typing import NDArray

    from avstudio_core.spans import Span


@dataclass(frozen=True, slots=True)
class Encoding:
    """How sound is written."""

    format: SoundFormat
    rate: int
    layout: str
    bits: int | None = None
    """Bits of a sample of formats without loss; 32 are floating point."""
    bit_rate: int | None = None
    """Bits per second of formats with loss."""


def output(path: Path, format: SoundFormat) -> AbstractContextManager[OutputContainer]:
    """A new file. Raises `StorageError`, and `InvalidInput` for sound that the format cannot store."""
    traits = FORMATS[format]
    return new_file(path, traits.container, traits.options, f"This sound cannot be written as '{format}'")


def written_rate(format: SoundFormat, rate: int) -> int:
    """The rate itself if the format's encoder has it, or else the next higher one, or its highest."""
    return usable_rate(SOUND_ENCODERS[FORMATS[format].codec].name, rate)


class EncodedSound:
    """Encodes the samples of a span, which are given as float32 at the rate of the source."""

    def __init__(
        self, container: OutputContainer, encoding: Encoding, source_rate: int, span: Span, offset: bool
    ) -> None:
        """With `offset`, silence replaces what is missing before the first sound."""
        encoder = sound_encoder(FORMATS[encoding.format].codec, encoding.bits)
        plan = SoundEncoding(encoder, source_rate, encoding.layout, encoding.rate, encoding.bit_rate)
        self._track, self._source_rate = SoundTrack(container, plan), source_rate
        self._begin = round(span[0] * source_rate)
        self._end = math.inf if math.isinf(span[1]) else round(span[1] * source_rate)
        self._offset = offset
        self._first: int | None = None
        self.rate, self.channels = self._track.rate, self._track.channels

    @property
    def metadata(self) -> dict[str, str]:
        """The tags of the track in the file."""
        return self._track.metadata

    @property
    def first(self) -> float | None:
        """When the first sound begins, in seconds of the source; `None` without any."""
        return None if self._first is None else self._first / self._source_rate

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self._track.duration

    @property
    def overload(self) -> Overload:
        """The samples that the file cannot store."""
        return self._track.overload

    def feed(
        self, begin: int, block: NDArray[np.float32], mix: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    ) -> None:
        """Encode what is inside the span; `begin` is the number of the block's first sample."""
        import numpy as np

        low, high = max(self._begin - begin, 0), min(self._end - begin, block.shape[1])
        if low >= high:
            return
        inside = mix(block[:, low : int(high)])
        if self._first is None:
            self._first = begin + low
            if self._offset and self._first > self._begin:
                self._track.write(np.zeros((len(inside), self._first - self._begin), np.float32))
        self._track.write(inside)

    def finish(self) -> None:
        """Write what the encoder still holds."""
        self._track.finish()
