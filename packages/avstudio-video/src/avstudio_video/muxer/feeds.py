"""What is written to a new file, in the order of its times."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from avstudio_video.muxer.cues import CueTrack, moved
from avstudio_video.packets.source import PacketSource, delay_of
from avstudio_video.packets.styled_cues import decoded_cues

if TYPE_CHECKING:
    from avstudio_video.encoding.sound_track import SoundTrack
    from avstudio_video.packets.packet_file import CopiedTrack, PacketFile
    from avstudio_video.sound.decoded_track import DecodedTrack

Feed = Iterator[tuple[Fraction, Callable[[], object]]]
"""Times in seconds of the new file, and what writes the packets of each."""


class Part(Protocol):
    """A track of the new file that is made of the packets of one stream."""

    def items(self, packet: Any, time: Fraction) -> Feed:
        """What to do with a packet that is shown at `time` in the new file."""
        ...

    def rest(self, time: Fraction) -> Feed:
        """What to do after the last packet, which is shown at `time`."""
        ...


@dataclass
class CopiedPart:
    """Packets that are copied."""

    file: PacketFile
    track: CopiedTrack
    shift: Fraction
    """What is added to their time stamps, in seconds."""

    def items(self, packet: Any, time: Fraction) -> Feed:
        if time >= -delay_of(packet.stream) or self.file.format.edited or packet.stream.type == "video":
            yield time, partial(self.file.write, self.track, packet, self.shift)

    def rest(self, time: Fraction) -> Feed:
        yield from ()


@dataclass
class EncodedPart:
    """Sound that is decoded and encoded."""

    decoder: DecodedTrack
    track: SoundTrack
    shift: Fraction
    """What is added to its times, in seconds."""
    end: Fraction | None
    """The end of the new file, if something is cut there."""
    written: int = 0
    """Samples at the rate of the source."""

    def items(self, packet: Any, time: Fraction) -> Feed:
        yield time, partial(self._feed, packet)

    def rest(self, time: Fraction) -> Feed:
        yield time, partial(self._feed, None)
        yield time, self.track.finish

    def _feed(self, packet: Any) -> None:
        import numpy as np

        late = round(self.shift * self.decoder.rate)
        most = None if self.end is None else round(self.end * self.decoder.rate)
        for begin, block in self.decoder.feed(packet):
            place = begin + late
            inside = block[:, max(0, -place) : None if most is None else max(0, most - place)]
            if inside.shape[1] and not self.written:
                for at in range(0, place, self.decoder.rate):
                    self.track.write(np.zeros((len(block), min(self.decoder.rate, place - at)), np.float32))
            if inside.shape[1]:
                self.track.write(inside)
                self.written += inside.shape[1]


@dataclass
class CuePart:
    """Subtitles that are encoded."""

    track: CueTrack
    shift: Fraction
    """What is added to their time stamps, in seconds."""
    end: Fraction | None
    """The end of the new file, if something is cut there."""

    def items(self, packet: Any, time: Fraction) -> Feed:
        for cue in moved(decoded_cues(packet), self.shift, self.end):
            yield cue.start, partial(self.track.write, cue)

    def rest(self, time: Fraction) -> Feed:
        yield time, self.track.finish


def feed(source: PacketSource, packets: Iterable[Any], parts: Mapping[int, Part], shift: Fraction) -> Feed:
    """What the parts, by the number of their stream, make of the packets of a file, later by `shift`."""
    time = Fraction(0)
    for packet in packets:
        time = source.time(packet) + shift
        yield from parts[packet.stream_index].items(packet, time)
    for part in parts.values():
        yield from part.rest(time)


def merged(feeds: Iterable[Feed]) -> Feed:
    """All feeds in the order of time, so that the file is written while they are read."""
    return heapq.merge(*feeds, key=lambda one: one[0])
