"""The sound of a file that is written."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from avstudio_video.encoding.sound_codecs import SoundEncoder, usable_rate

if TYPE_CHECKING:
    import numpy as np
    from av.container import OutputContainer
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SoundEncoding:
    """How sound is encoded."""

    encoder: SoundEncoder
    rate: int
    """Of the samples that come; the next one that the encoder has is written."""
    layout: str
    """FFmpeg's name of the speakers."""
    written_rate: int | None = None
    """Another sample rate for the file."""
    bit_rate: int | None = None
    """Bits per second of all channels, for an encoder with loss."""
    bits: int = 16
    """Bits of a sample, for an encoder without loss."""


class SoundTrack:
    """Encodes samples as they come, one after the other from the start of the file."""

    def __init__(self, container: OutputContainer, encoding: SoundEncoding) -> None:
        import av

        encoder = encoding.encoder
        self.rate = usable_rate(encoder.name, encoding.written_rate or encoding.rate)
        self._container, self._encoding = container, encoding
        self._stream: Any = container.add_stream(encoder.name, rate=self.rate)
        context: Any = self._stream.codec_context
        context.layout, context.format, context.time_base = encoding.layout, encoder.samples, Fraction(1, self.rate)
        if encoding.bits == 24:
            context.options = {"bits_per_raw_sample": "24"}
        if encoder.bit_rate:
            context.bit_rate = encoding.bit_rate or encoder.bit_rate * context.layout.nb_channels
        self._converted = av.AudioResampler(encoder.samples, encoding.layout, self.rate)
        self.channels: int = context.layout.nb_channels
        self._given = self._written = 0

    @property
    def metadata(self) -> dict[str, str]:
        """The tags of the track in the file."""
        tags: dict[str, str] = self._stream.metadata
        return tags

    @property
    def duration(self) -> float:
        """Length of what has been written, in seconds."""
        return self._written / self.rate

    def write(self, block: NDArray[np.float32]) -> None:
        """Encode the next samples, `(channels, n)` from -1 to 1."""
        import av
        import numpy as np

        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", self._encoding.layout)
        rate = self._encoding.rate
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), self._given
        self._given += block.shape[1]
        self._encode(frame)

    def finish(self) -> None:
        """Encode what is left."""
        self._encode(None)
        self._container.mux(self._stream.encode(None))

    def _encode(self, frame: Any) -> None:
        for one in self._converted.resample(frame):
            self._written += one.samples
            self._container.mux(self._stream.encode(one))
