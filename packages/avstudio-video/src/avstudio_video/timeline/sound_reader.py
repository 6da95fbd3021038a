"""Spans of the sound of one file, exact to the sample."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_video.media.container import open_media
from avstudio_video.media.limits import Limits
from avstudio_video.media.streams import origin_of
from avstudio_video.sound.decoded_track import DecodedTrack

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

LEAD = 1
"""Seconds before a span at which decoding begins, because decoders start with silence."""
FAR = 10
"""Seconds between two spans that are skipped, and not decoded."""


@dataclass(frozen=True, slots=True)
class SoundSource:
    """One audio stream of a file."""

    path: Path
    name: str
    """The name of the file, as users know it."""
    index: int
    rate: int
    layout: str
    channels: int


class SoundReader:
    """Decodes spans in the order of time; what the file does not have is silence."""

    def __init__(self, source: SoundSource, limits: Limits) -> None:
        self.source, self._limits = source, limits
        self._files = ExitStack()
        self._decoder: DecodedTrack | None = None
        self._blocks: Iterator[tuple[int, Samples]] = iter(())
        self._held: tuple[int, Samples] | None = None
        self._position = 0
        self._lost = self._silent = 0

    def close(self) -> None:
        """Close the file."""
        if self._decoder:
            self._lost, self._silent = self.lost, self._silent + self._decoder.silent
        self._decoder = None
        self._files.close()

    @property
    def lost(self) -> int:
        """Packets that could not be decoded."""
        return self._lost + (self._decoder.lost if self._decoder else 0)

    @property
    def silent(self) -> float:
        """Seconds of silence in place of gaps in the file."""
        return (self._silent + (self._decoder.silent if self._decoder else 0)) / self.source.rate

    def read(self, start: int, count: int) -> Iterator[Samples]:
        """The samples from `start` on, `(channels, n)` in blocks, counted from the start of the file."""
        at, end = start, start + count
        if self._decoder is None or start > self._position + FAR * self.source.rate:
            self._open(start)
        while at < end:
            self._held = self._held or next(self._blocks, None)
            begin = min(self._held[0], end) if self._held else end
            if at < begin:
                block = self._silence(min(begin - at, self.source.rate))
            elif self._held and self._held[0] + self._held[1].shape[1] > at:
                block = self._held[1][:, at - begin : end - begin]
            else:
                self._held = None
                continue
            at += block.shape[1]
            yield block

    def _silence(self, count: int) -> Samples:
        import numpy as np

        return np.zeros((self.source.channels, count), np.float32)

    def _open(self, start: int) -> None:
        import av

        self.close()
        container = self._files.enter_context(open_media(self.source.path, self._limits))
        track: Any = container.streams[self.source.index]
        origin = origin_of(container)
        if start > LEAD * self.source.rate:
            with suppress(av.FFmpegError, OSError):
                container.seek(round((origin + Fraction(start, self.source.rate) - LEAD) * 1_000_000))
        self._decoder, self._held = DecodedTrack(track, origin), None
        self._blocks = self._decoded(container, track, self._decoder)

    def _decoded(self, container: Any, track: Any, decoder: DecodedTrack) -> Iterator[tuple[int, Samples]]:
        import av

        with suppress(av.FFmpegError, OSError, IndexError):
            for packet in container.demux(track):
                for begin, block in decoder.feed(packet if packet.size else None):
                    self._position = begin
                    yield begin, block
