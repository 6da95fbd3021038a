"""The sound of a file that is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import InvalidInput
from avstudio_video.encoding.overload import Overload
from avstudio_video.encoding.sound_codecs import SoundEncoder, usable_layout, usable_rate
from avstudio_video.media.samples import sound_frame

if TYPE_CHECKING:
    import numpy as np
    from av.container import OutputContainer
    from numpy.typing import NDArray

FLOATING = 32
"""Bits of floating-point samples."""


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


class SoundTrack:
    """Encodes samples as they come, one after the other from the start of the file."""

    def __init__(self, container: OutputContainer, encoding: SoundEncoding) -> None:
        """Raises `InvalidInput` if the encoder does not take such sound."""
        import av

        encoder = encoding.encoder
        self.rate = usable_rate(encoder.name, encoding.written_rate or encoding.rate)
        self._container, self._encoding = container, encoding
        self._stream: Any = container.add_stream(encoder.name, rate=self.rate)
        context: Any = self._stream.codec_context
        self._layout = usable_layout(encoder.name, encoding.layout)
        context.layout, context.format, context.time_base = self._layout, encoder.samples, Fraction(1, self.rate)
        if encoder.bits == 24:
            context.options = {"bits_per_raw_sample": "24"}
        if encoder.bit_rate:
            context.bit_rate = encoding.bit_rate or encoder.bit_rate * context.layout.nb_channels
        self.channels: int = context.layout.nb_channels
        self._open(context)
        self._converted = av.AudioResampler(encoder.samples, self._layout, self.rate)
        self._given = self._written = 0
        self.overload = Overload(lossy=bool(encoder.bit_rate))
        """What the file cannot store; empty for floating-point samples."""

    def use(self, uses: Iterable[str]) -> None:
        """Mark what the track is for, by FFmpeg's names: `default`, `forced` and others."""
        from av.stream import Disposition

        self._stream.disposition = sum(int(one) for one in Disposition if one.name and one.name.lower() in {*uses})

    def _open(self, context: Any) -> None:
        import av

        encoder = self._encoding.encoder
        hint = "Choose another codec or another bit rate for the sound."
        if self.channels > encoder.max_channels:
            message = f"'{encoder.name}' takes at most {encoder.max_channels} channels, and the sound has"
            raise InvalidInput(f"{message} {self.channels}.", hint=hint)
        try:
            context.open()
        except av.FFmpegError:
            speed = f" and {context.bit_rate // 1000} kbit/s" if encoder.bit_rate else ""
            message = f"'{encoder.name}' cannot encode sound with the speakers '{self._layout}', {self.rate} Hz{speed}."
            raise InvalidInput(message, hint=hint) from None

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
        """Encode the next samples, `(channels, n)`; beyond -1 to 1 only floating point keeps them."""
        if self._encoding.encoder.bits != FLOATING:
            self.overload.look_at(block)
        self._encode(sound_frame(block, self._layout, self._encoding.rate, self._given))
        self._given += block.shape[1]

    def finish(self) -> None:
        """Encode what is left."""
        self._encode(None)
        self._container.mux(self._stream.encode(None))

    def _encode(self, frame: Any) -> None:
        for one in self._converted.resample(frame):
            self._written += one.samples
            self._container.mux(self._stream.encode(one))
