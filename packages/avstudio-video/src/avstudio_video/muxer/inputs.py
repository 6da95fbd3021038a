"""The files that a new file is made of, and their streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_video.media.container import open_media
from avstudio_video.media.limits import Limits
from avstudio_video.media.streams import origin_of
from avstudio_video.muxer.feeds import Feed, Part, feed
from avstudio_video.muxer.labels import Labels
from avstudio_video.packets.source import PacketSource, length_of

if TYPE_CHECKING:
    from av.container import InputContainer


@dataclass
class MuxInput:
    """An open file."""

    container: InputContainer
    path: Path
    name: str
    shift: Fraction = Fraction(0)
    """How much later its times are in the new file, in seconds."""
    parts: dict[int, Part] = field(default_factory=dict)
    """What becomes of its streams, by their number."""
    end: Fraction = Fraction(0)
    """When its last packet so far ends in the new file."""
    corrupt: int = 0
    """Packets that the file marks as damaged."""

    @property
    def origin(self) -> Fraction:
        return origin_of(self.container)

    def source(self, streams: Sequence[Any], end: Fraction | None, *, hidden: bool) -> PacketSource:
        """Its packets, up to `end` in the new file."""
        begin = max(Fraction(0), -self.shift)
        until = float("inf") if end is None else float(end - self.shift)
        return PacketSource(self.container, self.path, streams, (float(begin), until), hidden=hidden)

    def feed(self, end: Fraction | None, *, hidden: bool) -> Feed:
        """What its parts make of its packets."""
        streams = [self.container.streams[number] for number in self.parts]
        source = self.source(streams, end, hidden=hidden)
        return feed(source, self._noted(source), self.parts, self.shift)

    def _noted(self, source: PacketSource) -> Iterator[Any]:
        for packet in source:
            self.corrupt += packet.is_corrupt
            self.end = max(self.end, source.time(packet) + length_of(packet) + self.shift)
            yield packet


@dataclass
class Wanted:
    """A stream that goes into the new file."""

    input: MuxInput
    stream: Any
    labels: Labels | None = None
    """Those given for a new track, in place of its own; the video's own tracks keep theirs."""
    default: bool | None = None
    """Whether players choose it; `None` keeps what the video says."""
    forced: bool = False
    timed: bool = True
    """Whether it keeps its timecode."""
    kind: str = field(init=False)
    """`video`, `audio` or `subtitle`; a stream cannot be asked after its file is closed."""

    def __post_init__(self) -> None:
        self.kind = str(self.stream.type)


def lead_of(path: Path, number: int, limits: Limits) -> Fraction:
    """The seconds before 0 at which a stream begins, if what is before 0 is not hidden."""
    with open_media(path, limits) as container:
        source = PacketSource(container, path, [container.streams[number]], hidden=False)
        next(iter(source), None)
        return max(Fraction(0), -source.begin)


def end_of(path: Path, number: int, limits: Limits) -> Fraction:
    """When the last packet of a stream ends, in seconds; the whole file is read."""
    with open_media(path, limits) as container:
        source = PacketSource(container, path, [container.streams[number]])
        return max((source.time(one) + length_of(one) for one in source), default=Fraction(0))
