"""The decoded sound of one track, block by block, each with its place."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

from avstudio_video.media.damage import GAP
from avstudio_video.media.samples import INTERLEAVED, samples_of

if TYPE_CHECKING:
    import numpy as np
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.packet import Packet
    from numpy.typing import NDArray


class DecodedTrack:
    """Decodes packets of a track to float32 in one rate and layout; gaps in the file become silence."""

    def __init__(self, stream: AudioStream, origin: Fraction) -> None:
        """`origin` is the start of the file in seconds."""
        import av

        codec = stream.codec_context
        self._stream, self._origin = stream, origin
        self.rate, self.layout = codec.sample_rate, codec.layout.name
        self.speakers = tuple(channel.name for channel in codec.layout.channels)
        self._new_resampler = partial(av.AudioResampler, INTERLEAVED, codec.layout, codec.sample_rate)
        self._alike = self._new_resampler()
        self._next: int | None = None
        self.lost = self.silent = 0
        """Packets that cannot be decoded; samples of silence in gaps."""

    def feed(self, packet: Packet[AudioStream] | None) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """The sound of the next packet, with the number of its first sample; `None` gives the rest."""
        import av
        import numpy as np

        try:
            frames = self._stream.decode(packet)
        except av.FFmpegError:
            self.lost += 1
            return
        for frame in frames:
            begin = self._place(frame)
            missing = begin - self._next if self._next is not None else 0
            if missing > GAP * self.rate:
                self.silent += missing
                for place in range(begin - missing, begin, self.rate):  # a gap can last for hours
                    yield place, np.zeros((len(self.speakers), min(self.rate, begin - place)), np.float32)
            for one in self._resampled(frame):
                block = samples_of(one)
                yield begin, block
                begin += block.shape[1]
            self._next = begin

    def _resampled(self, frame: AudioFrame) -> list[AudioFrame]:
        try:
            return self._alike.resample(frame)
        except ValueError:  # a broadcast changes its layout or rate
            self._alike = self._new_resampler()
            return self._alike.resample(frame)

    def _place(self, frame: AudioFrame) -> int:
        """Where a frame begins, in samples; small differences of time stamps are rounding."""
        time = frame.time
        if time is None or math.isnan(time):
            return self._next or 0
        place = round((time - float(self._origin)) * self.rate)
        if self._next is not None and place - self._next <= GAP * self.rate:
            return self._next
        return place
