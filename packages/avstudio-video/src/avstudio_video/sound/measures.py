"""What is measured of the main audio track while the packets of a file go by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_core.spans import Span
from avstudio_video.sound.decoded_track import DecodedTrack
from avstudio_video.sound.loud_spans import LoudSpans
from avstudio_video.sound.loudness import LoudnessMeter
from avstudio_video.sound.speech_track import SpeechTrack
from avstudio_video.sound.waveform import Waveform

if TYPE_CHECKING:
    import numpy as np
    from av.audio.stream import AudioStream
    from av.packet import Packet
    from numpy.typing import NDArray

BLOCK = 0.5
"""Seconds that are measured together."""


@dataclass(frozen=True)
class SoundWishes:
    """What to measure; `None` is not measured."""

    silence: tuple[float, float] | None
    """The level in dBFS below which it is silent, and the shortest silence in seconds."""
    loudness: bool
    waveform: bool
    speech: Path | None
    """The file for the sound of 16 kHz."""


class SoundMeasures:
    """Decodes each packet of a track once, for all that is wished."""

    def __init__(self, track: AudioStream, origin: Fraction, wishes: SoundWishes) -> None:
        """`origin` is the start of the file in seconds."""
        self.track, self._wishes = track, wishes
        self._decoder = DecodedTrack(track, origin)
        rate, layout = self._decoder.rate, self._decoder.layout
        level, least = wishes.silence or (0.0, 0.0)
        self._spans = LoudSpans(10 ** (level / 20), round(least * rate)) if wishes.silence else None
        self._meter = LoudnessMeter(rate, layout) if wishes.loudness else None
        self.waveform = Waveform(rate) if wishes.waveform else None
        self._speech = SpeechTrack(wishes.speech, rate, layout) if wishes.speech else None
        self._feeds: list[Callable[[NDArray[np.float32]], None]] = [
            one.feed for one in (self._meter, self.waveform, self._speech) if one
        ]
        self._blocks: list[NDArray[np.float32]] = []
        self._begin = self._end = 0
        self._first: int | None = None

    def feed(self, packet: Packet[AudioStream] | None) -> None:
        """The next packet; `None` after the last one."""
        for begin, block in self._decoder.feed(packet):
            if self._first is None:
                self._first = self._begin = self._end = begin
            self._blocks.append(block)
            self._end += block.shape[1]
            if self._end - self._begin >= BLOCK * self._decoder.rate:
                self._measure()

    def _measure(self) -> None:
        import numpy as np

        if not self._blocks:
            return
        block = np.ascontiguousarray(np.concatenate(self._blocks, axis=1))
        if self._spans:
            self._spans.feed(self._begin, block)
        for feed in self._feeds:
            feed(block)
        self._blocks, self._begin = [], self._end

    def finish(self) -> None:
        """Measure the rest."""
        self.feed(None)
        self._measure()
        if self._speech:
            self._speech.finish()
        self.loudness = self._meter.loudness() if self._meter else None

    @property
    def lost(self) -> int:
        """Packets that cannot be decoded."""
        return self._decoder.lost

    def silences(self) -> list[Span]:
        """The spans, in seconds from the start of the file, in which all channels are silent."""
        if not self._spans or not self._wishes.silence:
            return []
        edges = [max(self._first or 0, 0), *(place for span in self._spans.found for place in span), self._end]
        least = max(1, round(self._wishes.silence[1] * self._decoder.rate))
        pairs = zip(edges[::2], edges[1::2], strict=True)
        return [(start / self._decoder.rate, end / self._decoder.rate) for start, end in pairs if end - start >= least]
