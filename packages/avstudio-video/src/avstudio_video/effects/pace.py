"""Sound that is played faster or slower."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import InvalidInput
from avstudio_video.effects.streams import Heard, SoundShape
from avstudio_video.media.samples import INTERLEAVED, samples_of, sound_frame

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

LOWEST = 100
"""Samples per second, at least: with fewer, FFmpeg's filter ends the process."""
SLOWEST = 0.5
"""Of one filter; slower sound goes through several."""


class _Line:
    """Filters of sound, one after the other."""

    def __init__(self, shape: SoundShape, factor: float, *, keep_pitch: bool) -> None:
        from av.filter import Graph

        if shape.rate < LOWEST:
            message = f"The sound has {shape.rate} samples per second, too few to change its speed."
            raise InvalidInput(message, hint=f"Resample it to {LOWEST} or more, or leave it out with sound=false.")
        self._graph, self._shape = Graph(), shape
        unit = Fraction(1, shape.rate)
        nodes: list[Any] = [
            self._graph.add_abuffer(sample_rate=shape.rate, format=INTERLEAVED, layout=shape.layout, time_base=unit)
        ]
        if keep_pitch:
            nodes += [self._graph.add("atempo", tempo=str(one)) for one in _factors(factor)]
        else:
            nodes.append(self._graph.add("asetrate", sample_rate=str(round(shape.rate * factor))))
            nodes.append(self._graph.add("aresample", sample_rate=str(shape.rate)))
        nodes.append(self._graph.add("aformat", sample_fmts=INTERLEAVED, channel_layouts=shape.layout))
        nodes.append(self._graph.add("abuffersink"))
        for before, after in pairwise(nodes):
            before.link_to(after)
        self._graph.configure()
        self._source, self._sink = nodes[0], nodes[-1]

    def feed(self, frame: AudioFrame | None) -> Iterator[Any]:
        import av

        self._source.push(frame)
        with suppress(av.BlockingIOError, av.EOFError):
            while True:
                yield samples_of(self._sink.pull())


def _factors(factor: float) -> list[float]:
    found = []
    while factor < SLOWEST:
        found.append(SLOWEST)
        factor /= SLOWEST
    return [*found, factor]


def paced(blocks: Iterator[Heard], shape: SoundShape, factor: float, *, keep_pitch: bool) -> Iterator[Heard]:
    """Sound at another pace; each block knows the time of the source that it plays."""
    line, clock, given = _Line(shape, factor, keep_pitch=keep_pitch), _Clock(factor), 0
    for block in blocks:
        clock.add(block)
        yield from clock.heard(line.feed(sound_frame(block.samples, shape.layout, shape.rate, given)))
        given += block.samples.shape[1]
    yield from clock.heard(line.feed(None))


class _Clock:
    """Which time of the source is heard at a sample after the change."""

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self._pieces: list[tuple[float, float, float]] = []
        """The first sample after the change, its time, and the time that a sample takes."""
        self._given = self._made = 0.0

    def add(self, block: Heard) -> None:
        """Note the next block before the change."""
        length = block.samples.shape[1] / self._factor
        self._pieces.append((self._given, block.since, (block.until - block.since) / length))
        self._given += length

    def heard(self, arrays: Iterator[Any]) -> Iterator[Heard]:
        """The next samples after the change, with their times."""
        for samples in arrays:
            first, last = self._time(self._made), self._time(self._made + samples.shape[1])
            self._made += samples.shape[1]
            while len(self._pieces) > 1 and self._pieces[1][0] < self._made:
                self._pieces.pop(0)
            if samples.shape[1]:
                yield Heard(samples, first, last)

    def _time(self, sample: float) -> float:
        begin, since, step = next((one for one in reversed(self._pieces) if one[0] <= sample), self._pieces[0])
        return since + (sample - begin) * step
