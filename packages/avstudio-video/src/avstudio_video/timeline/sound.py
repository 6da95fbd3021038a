"""The sound of a timeline: cut at exactly the times of its pictures, with fades at each cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from avstudio_video.media.limits import Limits
from avstudio_video.media.samples import INTERLEAVED, samples_of, sound_frame
from avstudio_video.timeline.parts import Part, Timeline
from avstudio_video.timeline.sound_reader import SoundReader, SoundSource

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Ramp:
    """A rise at the start or a fall at the end of a part, in samples."""

    length: int = 0
    crossing: bool = False
    """Whether another part is heard at the same time: then the sum of the two powers is constant."""

    def level(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """The level at places that are so many samples from the edge."""
        import numpy as np

        share = np.clip((places + 0.5) / self.length, 0, 1) if self.length else np.ones(len(places))
        return np.sin(share * np.pi / 2) if self.crossing else share


@dataclass
class TimelineSound:
    """One track of the new video, from an audio stream of each file; a file without one is silent."""

    timeline: Timeline
    sources: Sequence[SoundSource | None]
    """By the number of the file."""
    rate: int
    layout: str
    channels: int
    fade: Fraction
    """Seconds of the fades at each cut."""
    whole: bool
    """Whether the last part ends with its file, and not at a cut."""
    limits: Limits
    readers: dict[int, SoundReader] = field(default_factory=dict)

    def blocks(self) -> Iterator[Samples]:
        """All samples, `(channels, n)`, from the start of the new video to its end."""
        import numpy as np

        tail = np.zeros((self.channels, 0), np.float32)
        for part, after in zip(self.timeline.parts, [*self.timeline.parts[1:], None], strict=True):
            begin, end = self._place(part.at), self._place(part.at + part.length)
            until = self._place(after.at) if after else end
            late, at = [], begin
            for block in self._faded(part, end - begin, tail.shape[1], end - until):
                both = max(0, min(begin + tail.shape[1] - at, block.shape[1]))
                block[:, :both] += tail[:, at - begin : at - begin + both]
                split = max(0, min(until - at, block.shape[1]))
                late.append(block[:, split:])
                at += block.shape[1]
                if split:
                    yield block[:, :split]
            tail = np.concatenate([tail[:, :0], *late], 1)
            if after and after.source != part.source and part.source in self.readers:
                self.readers[part.source].close()  # so that few files are open at once

    def close(self) -> None:
        """Close the files."""
        for reader in self.readers.values():
            reader.close()

    def _place(self, time: Fraction) -> int:
        """The sample at a time of the new video: each is rounded for itself, so that nothing drifts."""
        return round(time * self.rate)

    def _faded(self, part: Part, count: int, rise: int, fall: int) -> Iterator[Samples]:
        """The samples of a part, faded at both ends; `rise` and `fall` are samples that are shared with others."""
        import numpy as np

        short = min(self._place(self.fade), count // 2)
        parts = self.timeline.parts
        first = part is parts[0] and part.frames.start == 0
        last = part is parts[-1] and self.whole
        start = Ramp(rise, True) if rise else Ramp(0 if first else short)
        end = Ramp(fall, True) if fall else Ramp(0 if last else short)
        at = 0
        for block in self._read(part, count):
            places = np.arange(at, at + block.shape[1])
            level = start.level(places) * end.level(count - 1 - places)
            at += block.shape[1]
            yield np.asarray(block * level, np.float32)

    def _read(self, part: Part, count: int) -> Iterator[Samples]:
        """Exactly so many samples of a part, in the rate and the layout of the track."""
        source = self.sources[part.source]
        if source is None:
            yield from _exact([], self.channels, count)
            return
        reader = self.readers.setdefault(part.source, SoundReader(source, self.limits))
        alike = (source.rate, source.layout) == (self.rate, self.layout)
        wanted = count if alike else round(part.length * source.rate)
        blocks = reader.read(round(part.start * source.rate), wanted)
        yield from blocks if alike else _exact(self._converted(source, blocks), self.channels, count)

    def _converted(self, source: SoundSource, blocks: Iterable[Samples]) -> Iterator[Samples]:
        import av

        resampler, given = av.AudioResampler(INTERLEAVED, self.layout, self.rate), 0
        for block in blocks:
            frame = sound_frame(block, source.layout, source.rate, given)
            given += block.shape[1]
            yield from map(samples_of, resampler.resample(frame))
        yield from map(samples_of, resampler.resample(None))


def _exact(blocks: Iterable[Samples], channels: int, count: int) -> Iterator[Samples]:
    """The first `count` samples, with silence after the last one."""
    import numpy as np

    left = count
    for block in blocks:
        yield block[:, :left]
        left -= min(left, block.shape[1])
    while left:
        yield np.zeros((channels, min(left, 48_000)), np.float32)
        left -= min(left, 48_000)
