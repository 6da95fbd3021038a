"""Frames of sound that are joined to longer ones, because each frame that is converted or measured has a cost."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

UNTIMED = Fraction(0)
"""The time base of frames whose time stamps are not compared."""


class FrameJoiner:
    """Joins frames that follow each other; those of another rate, layout or sample format begin a new frame."""

    def __init__(self, seconds: float) -> None:
        """Frames of so many seconds; 0 gives each frame as it is."""
        from av import AudioFifo

        self._seconds, self._new_queue = seconds, AudioFifo
        self._queue = AudioFifo()
        self._kind = "", "", 1

    def waiting(self, rate: int) -> int:
        """How much sound waits for more, in samples of a rate."""
        return self._queue.samples * rate // self._kind[2]

    def add(self, frame: AudioFrame) -> Iterator[AudioFrame]:
        """What is long enough with the next frame."""
        if not self._seconds:
            yield frame
            return
        kind = frame.format.name, frame.layout.name, frame.sample_rate
        if kind != self._kind:
            yield from self.rest()
            self._kind, self._queue = kind, self._new_queue()
        frame.pts, frame.time_base = None, UNTIMED
        self._queue.write(frame)
        yield from self._queue.read_many(max(1, round(self._seconds * frame.sample_rate)))

    def rest(self) -> Iterator[AudioFrame]:
        """What waits for more."""
        if (frame := self._queue.read()) is not None:
            yield frame
