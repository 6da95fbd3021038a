"""The decoded sound of one track, block by block, each with its place."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from avstudio_video.media.damage import GAP
from avstudio_video.media.samples import INTERLEAVED, samples_of, sound_frame
from avstudio_video.sound.frame_joiner import FrameJoiner

if TYPE_CHECKING:
    import numpy as np
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.packet import Packet
    from numpy.typing import NDArray


LONGEST_STEP = 1
"""Seconds by which time stamps step back within a recording; more is another one that follows."""


class DecodedTrack:
    """Decodes packets of a track to float32 in one rate and layout; gaps in the file become silence."""

    def __init__(self, stream: AudioStream, origin: Fraction, joined: float = 0.0) -> None:
        """`origin` is the start of the file in seconds; the sound of several packets is `joined` to so many seconds."""
        import av

        codec = stream.codec_context
        self._stream, self._origin = stream, float(origin)
        self.rate, self.layout = codec.sample_rate, codec.layout.name
        self.speakers = tuple(channel.name for channel in codec.layout.channels)
        self._new_resampler = partial(av.AudioResampler, INTERLEAVED, codec.layout, codec.sample_rate)
        self._alike, self._joiner = self._new_resampler(), FrameJoiner(joined)
        self._next: int | None = None
        self._stamped = self._repeated = 0
        """Where the last frame ends by its time stamp, and the sound that is repeated; in samples."""
        self.lost = self.silent = 0
        """Packets that cannot be decoded; samples of silence in gaps."""

    def feed(self, packet: Packet[AudioStream] | None) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """The sound of the next packet, with the number of its first sample; `None` gives the rest."""
        for begin, frame in self.frames(packet):
            yield begin, samples_of(frame)

    def frames(self, packet: Packet[AudioStream] | None) -> Iterator[tuple[int, AudioFrame]]:
        """The same as interleaved frames."""
        import av

        decoded: list[AudioFrame] = []
        try:
            decoded = self._stream.decode(packet)
        except av.FFmpegError:
            self.lost += 1
        for frame in decoded:
            place = self._place(frame)
            if self._is_repeated(place, frame):
                self.lost += 1
                continue
            if missing := self._missing(place):
                yield from self._placed(chain(self._converted(self._joiner.rest()), self._silence(missing)))
            yield from self._placed(self._converted(self._joiner.add(frame)))
        if packet is None:
            yield from self._placed(self._converted(self._joiner.rest()))

    def _place(self, frame: AudioFrame) -> int | None:
        """Where a frame begins by its time stamp, in samples."""
        time = frame.time
        return None if time is None or math.isnan(time) else round((time - self._origin) * self.rate)

    def _is_repeated(self, place: int | None, frame: AudioFrame) -> bool:
        """Whether a frame ends before the sound so far: in damaged files, time stamps step back a little."""
        if place is None or self._next is None:
            return False
        end = place + frame.samples * self.rate // (frame.sample_rate or self.rate)
        if GAP * self.rate < self._stamped - place <= LONGEST_STEP * self.rate:
            self._repeated = self._next + self._joiner.waiting(self.rate)
        self._stamped = end
        return end <= self._repeated

    def _missing(self, place: int | None) -> int:
        """The samples of the gap before a place; small differences of time stamps are rounding."""
        if self._next is None:
            self._next = place or 0
        gap = (place or 0) - self._next - self._joiner.waiting(self.rate)
        return gap if gap > GAP * self.rate else 0

    def _placed(self, frames: Iterator[AudioFrame]) -> Iterator[tuple[int, AudioFrame]]:
        """Frames that follow each other, with the numbers of their first samples."""
        begin = self._next or 0
        for frame in frames:
            self._next = begin + frame.samples
            yield begin, frame
            begin = self._next

    def _converted(self, frames: Iterator[AudioFrame]) -> Iterator[AudioFrame]:
        for frame in frames:
            try:
                yield from self._alike.resample(frame)
            except ValueError:  # a broadcast changes its layout or rate
                self._alike = self._new_resampler()
                yield from self._alike.resample(frame)

    def _silence(self, count: int) -> Iterator[AudioFrame]:
        """So many samples: a second at a time, because a gap can last for hours."""
        import numpy as np

        self.silent += count
        for done in range(0, count, self.rate):
            silence = np.zeros((len(self.speakers), min(self.rate, count - done)), np.float32)
            yield sound_frame(silence, self.layout, self.rate, done)
