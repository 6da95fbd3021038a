"""A part of a track that is encoded to a file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import InvalidInput, StorageError
from avstudio_video.sound.formats import DEEP, FORMATS, SoundFormat

if TYPE_CHECKING:
    import numpy as np
    from av.container import OutputContainer
    from numpy.typing import NDArray

    from avstudio_core.spans import Span

WRITTEN_WRONG = (13, 27, 28, 30)
"""Errors of the system that are about the place of a file, and not about its sound."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How sound is written."""

    format: SoundFormat
    rate: int
    layout: str
    bits: int = 16
    """Bits of a sample of formats without loss; 32 are floating point."""
    bit_rate: int | None = None
    """Bits per second of formats with loss."""


@contextmanager
def output(path: Path, format: SoundFormat) -> Iterator[OutputContainer]:
    """A new file. Raises `StorageError`, and `InvalidInput` for sound that the format cannot store."""
    import av

    traits = FORMATS[format]
    try:
        with av.open(str(path), "w", format=traits.container, container_options={**traits.options}) as container:
            yield container
    except av.FFmpegError as error:
        if error.errno in WRITTEN_WRONG:
            raise StorageError.of(OSError(error.errno, error.strerror), path) from error
        raise InvalidInput(f"This sound cannot be written as '{format}': {error.strerror}.") from error


def usable_rate(format: SoundFormat, rate: int) -> int:
    """The rate itself if the format's encoder has it, or else the next higher one, or its highest."""
    import av

    rates = sorted(av.Codec(FORMATS[format].codec, "w").audio_rates or ())
    return rate if not rates or rate in rates else next((one for one in rates if one > rate), rates[-1])


class EncodedSound:
    """Encodes the samples of a span, which are given as float32 at the rate of the source."""

    def __init__(
        self, container: OutputContainer, encoding: Encoding, source_rate: int, span: Span, offset: bool
    ) -> None:
        """With `offset`, silence replaces what is missing before the first sound."""
        import av

        traits = FORMATS[encoding.format]
        codec, samples = DEEP.get(encoding.format, {}).get(encoding.bits, (traits.codec, traits.samples))
        self._container, self._source_rate, self._layout = container, source_rate, encoding.layout
        self._stream: Any = container.add_stream(codec, rate=encoding.rate)
        context: Any = self._stream.codec_context
        context.layout, context.format, context.time_base = encoding.layout, samples, Fraction(1, encoding.rate)
        if encoding.bits == 24:
            context.options = {"bits_per_raw_sample": "24"}
        if traits.bit_rate:
            context.bit_rate = encoding.bit_rate or traits.bit_rate * context.layout.nb_channels
        self._converted = av.AudioResampler(samples, encoding.layout, encoding.rate)
        self._begin = round(span[0] * source_rate)
        self._end = math.inf if math.isinf(span[1]) else round(span[1] * source_rate)
        self._offset, self._given, self._written = offset, 0, 0
        self._first: int | None = None
        self.rate, self.channels = encoding.rate, context.layout.nb_channels

    @property
    def metadata(self) -> dict[str, str]:
        """The tags of the track in the file."""
        tags: dict[str, str] = self._stream.metadata
        return tags

    @property
    def first(self) -> float | None:
        """When the first sound begins, in seconds of the source; `None` without any."""
        return None if self._first is None else self._first / self._source_rate

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self._written / self.rate

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
                self._put(np.zeros((len(inside), self._first - self._begin), np.float32))
        self._put(inside)

    def finish(self) -> None:
        """Write what the encoder still holds."""
        self._encode(None)
        self._container.mux(self._stream.encode(None))

    def _put(self, block: NDArray[np.float32]) -> None:
        import av
        import numpy as np

        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", self._layout)
        frame.sample_rate, frame.time_base, frame.pts = self._source_rate, Fraction(1, self._source_rate), self._given
        self._given += block.shape[1]
        self._encode(frame)

    def _encode(self, frame: Any) -> None:
        for one in self._converted.resample(frame):
            self._written += one.samples
            self._container.mux(self._stream.encode(one))
