"""The packets of a span of a file, from a key frame on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import UnreadableMedia
from avstudio_core.spans import LATEST, WHOLE, Span
from avstudio_video.media.opacity import begins
from avstudio_video.media.streams import is_cover, origin_of
from avstudio_video.packets.restarts import is_restart, restarting

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet

LEADS = (Fraction(1), Fraction(10), Fraction(LATEST))
"""Seconds before a span at which reading begins; more if there is no key frame, as some formats seek badly."""
LATE = 2
"""Seconds after a span in which other streams may still have packets of it."""


class PacketSource:
    """Packets of some streams in the order of the file, all of them with times of decoding.

    The first of them that is a picture decides where the span begins and ends: at the last key frame before it, and
    after the frames that others before the end refer to.
    """

    def __init__(
        self,
        container: InputContainer,
        path: Path,
        streams: Sequence[Any],
        span: Span = WHOLE,
        *,
        hidden: bool = True,
        joint: bool = False,
    ) -> None:
        """Frames before 0, which an edit list hides, are before the span if they can be `hidden`, or else its start.

        At a `joint`, other frames are before the span, so it begins where a decoder can start.
        """
        self._container, self._path, self._streams = container, path, streams
        self._hidden, self._joint, self._early_sound = hidden and not joint, joint, hidden or joint
        self.origin = origin_of(container)
        self.main = next((one for one in streams if one.type == "video" and not is_cover(one)), None)
        self.begin = Fraction(span[0])
        """Where the span really begins, in seconds of the source; known when the first packet is."""
        unit = Fraction(self.main.time_base) / 2 if self.main else Fraction(0)
        self._tick = max(unit, Fraction(1, 1_000_000))
        """What times may be off, since they are rounded, the start of the file to microseconds."""
        self._end = Fraction(span[1]) - self._tick if math.isfinite(span[1]) else None

    def __iter__(self) -> Iterator[Packet[Any]]:
        """Raises `UnreadableMedia` for a stream without times."""
        packets = self._demuxed() if self._hidden and not self.begin else self._from_key()
        return packets if self._end is None else self._until_end(packets, self._end)

    def time(self, packet: Packet[Any]) -> Fraction:
        """When a packet is shown, in seconds of the source."""
        return Fraction(packet.pts or 0) * Fraction(packet.time_base) - self.origin

    def _demuxed(self) -> Iterator[Packet[Any]]:
        return decodable(_packets(self._container, self._streams), self._path)

    def _from_key(self) -> Iterator[Packet[Any]]:
        """The packets from the last key frame on that is not after the beginning."""
        wanted = self.begin
        for lead in LEADS:
            if lead < wanted or lead > LEADS[0]:  # else the file has just been opened, and is at its start
                self._seek(wanted - lead if lead < wanted else Fraction(0))
            packets = self._demuxed()
            found, held = self._held(packets, wanted)
            if found or lead >= wanted:
                break
        return self._after(held, packets)

    def _seek(self, position: Fraction) -> None:
        import av

        with suppress(av.FFmpegError, OSError):
            self._container.seek(round((self.origin + position) * 1_000_000))

    def _held(self, packets: Iterator[Packet[Any]], wanted: Fraction) -> tuple[bool, list[Packet[Any]]]:
        """Whether there is a key frame before `wanted`, and the packets from there to the first one after it."""
        held: list[Packet[Any]] = []
        found = self.main is None
        for packet in packets:
            if packet.stream is self.main and self._begins(packet) and self.time(packet) <= wanted + self._tick:
                found, self.begin = True, self.time(packet)
                held = [one for one in held if one.stream is not self.main]
            held.append(packet)
            if self._decoded(packet) > wanted and packet.stream is (self.main or packet.stream):
                break
        return found, held

    def _begins(self, packet: Packet[Any]) -> bool:
        return is_restart(packet) if self._joint else begins(packet)

    def _after(self, held: list[Packet[Any]], packets: Iterable[Packet[Any]]) -> Iterator[Packet[Any]]:
        """The packets that are shown after the beginning; those before a key frame cannot be decoded without it."""
        started: set[int] = set()
        for source in (held, packets):
            for packet in source:
                shown = self.time(packet)
                picture = packet.stream.type == "video"
                if picture and packet.stream_index not in started and self._begins(packet) and shown >= self.begin:
                    started.add(packet.stream_index)
                    packet = restarting(packet) if self._joint else packet
                heard = length_of(packet) - 2 * self._tick if self._early_sound else delay_of(packet.stream)
                until = shown if picture else shown + heard
                inside = until >= self.begin - self._tick
                if inside and (not picture or packet.stream_index in started):
                    yield packet

    def _until_end(self, packets: Iterable[Packet[Any]], end: Fraction) -> Iterator[Packet[Any]]:
        late: list[Packet[Any]] = []
        """Frames after the end; they are kept if frames before the end refer to them."""
        waited = {one.index for one in self._streams if one.type == "audio" or one is self.main}
        for packet in packets:
            if self._decoded(packet) >= end + LATE:
                waited.discard(packet.stream_index)  # some files have all of a stream before another one
                if not waited:
                    return
                continue
            inside = self.time(packet) < end
            if inside and packet.stream is self.main:
                end = max([end, *map(self.time, late)])
                yield from late
                late.clear()
            if inside:
                yield packet
            elif packet.stream is self.main and self._decoded(packet) < end:
                late.append(packet)

    def _decoded(self, packet: Packet[Any]) -> Fraction:
        return Fraction(packet.dts or 0) * Fraction(packet.time_base) - self.origin


def _packets(container: InputContainer, streams: Sequence[Any]) -> Iterator[Packet[Any]]:
    """The packets up to the end, or to where the file is too damaged to go on."""
    import av

    with suppress(av.FFmpegError, OSError, IndexError):
        for packet in container.demux(streams):
            if packet.size:
                yield packet


def decodable(packets: Iterable[Packet[Any]], path: Path) -> Iterator[Packet[Any]]:
    """The packets with times of decoding, which some containers, such as Matroska, do not have for the first ones."""
    waiting: dict[int, list[Packet[Any]]] = {}
    for packet in packets:
        if packet.pts is None and packet.dts is None:
            raise UnreadableMedia(
                f"Stream {packet.stream_index} of '{path}' does not have times, so it cannot be copied.",
                hint="Give it times first: video.cut with keep '0-' encodes it.",
            )
        held = waiting.setdefault(packet.stream_index, [])
        if packet.dts is None:
            held.append(packet)
            continue
        yield from _timed(held, packet.dts)
        held.clear()
        yield packet
    for held in waiting.values():
        yield from _timed(held, min((one.pts or 0 for one in held), default=0))


def _timed(held: Sequence[Packet[Any]], next_time: int) -> Sequence[Packet[Any]]:
    """Give packets times of decoding before the next one's."""
    for number, packet in enumerate(reversed(held), 1):
        packet.dts = min(next_time - number * max(packet.duration or 0, 1), packet.pts or 0)
    return held


def delay_of(stream: Any) -> Fraction:
    """Seconds before its start at which sound begins that decoders drop: Matroska stores them, in milliseconds."""
    if stream.type != "audio":
        return Fraction(0)
    codec = stream.codec_context
    return Fraction(math.ceil(1000 * int(codec.delay) / codec.sample_rate), 1000)


def length_of(packet: Packet[Any]) -> Fraction:
    """The length of a packet in seconds."""
    return Fraction(packet.duration or 0) * Fraction(packet.time_base)
