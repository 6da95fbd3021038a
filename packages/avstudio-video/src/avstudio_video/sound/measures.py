"""What is measured of the main audio track while the packets of a file go by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_core.spans import Span
from avstudio_video.media.samples import samples_of, sound_frame
from avstudio_video.sound.decoded_track import DecodedTrack
from avstudio_video.sound.loud_spans import LoudSpans
from avstudio_video.sound.loudness import LOWEST, LoudnessMeter
from avstudio_video.sound.speech_track import SpeechTrack
from avstudio_video.sound.waveform import Waveform

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.packet import Packet

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
        self._decoder = DecodedTrack(track, origin, BLOCK)
        rate, layout = self._decoder.rate, self._decoder.layout
        level, least = wishes.silence or (0.0, 0.0)
        self._spans = LoudSpans(10 ** (level / 20), round(least * rate)) if wishes.silence else None
        self.impossible: list[str] = []
        """Measurements that were requested, and are not possible with so many channels or such a rate."""
        self._meter: LoudnessMeter | None = None
        if wishes.loudness and rate < LOWEST:
            self.impossible.append("loudness")
        elif wishes.loudness:
            with self._apart("loudness"):
                self._meter = LoudnessMeter(rate, layout)
        self.waveform = Waveform(rate) if wishes.waveform else None
        self._speech = SpeechTrack(wishes.speech) if wishes.speech else None
        self._first: int | None = None
        self._end = self.broken = 0
        """Where the sound ends, in samples of one channel; samples that are not numbers, which count as 0."""

    def feed(self, packet: Packet[AudioStream] | None) -> None:
        """The next packet; `None` after the last one."""
        for begin, frame in self._decoder.frames(packet):
            if self._first is None:
                self._first = begin
                self._lead(begin)
            self._end = begin + frame.samples
            self._measure(begin, frame)

    def _lead(self, count: int) -> None:
        """So many samples of silence, in what begins with the file."""
        import numpy as np

        rate, channels = self._decoder.rate, len(self._decoder.speakers)
        for begin in range(0, count, rate):
            silence = np.zeros((channels, min(rate, count - begin)), np.float32)
            if self.waveform:
                self.waveform.feed(silence)
            self._speak(sound_frame(silence, self._decoder.layout, rate, begin))

    def _measure(self, begin: int, frame: AudioFrame) -> None:
        import numpy as np

        block = samples_of(frame)
        if broken := block.size - int(np.count_nonzero(np.isfinite(block))):
            self.broken += broken
            block = np.nan_to_num(block, nan=0, posinf=0, neginf=0)
            frame = sound_frame(block, self._decoder.layout, self._decoder.rate, begin)
        frame.pts, frame.time_base = begin, Fraction(1, self._decoder.rate)
        if self._spans:
            self._spans.feed(begin, block)
        if self._meter:
            self._meter.feed(block, frame)
        if self.waveform:
            self.waveform.feed(block)
        self._speak(frame)

    def _speak(self, frame: AudioFrame) -> None:
        if self._speech and "speech" not in self.impossible:
            with self._apart("speech"):
                self._speech.feed(frame)

    @contextmanager
    def _apart(self, name: str) -> Iterator[None]:
        """Go on without one measurement if FFmpeg refuses it."""
        import av

        try:
            yield
        except av.FFmpegError:
            self.impossible += [name] if name not in self.impossible else []

    def finish(self) -> None:
        """Measure the rest."""
        self.feed(None)
        if self._speech:
            with self._apart("speech"):
                self._speech.finish()
        self.loudness = self._meter.loudness() if self._meter else None

    @property
    def form(self) -> str:
        """The channels and the rate of the sound."""
        return f"{len(self._decoder.speakers)} channels at {self._decoder.rate} Hz"

    @property
    def silent(self) -> float:
        """Seconds of gaps in the sound."""
        return self._decoder.silent / self._decoder.rate

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
