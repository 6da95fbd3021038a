"""The ranges of a stream: each begins with a key frame, and can be decoded by a decoder of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from av.packet import Packet

LEAST = 96
"""Packets of a range, at least; after each range, one picture is decoded twice."""
LARGE = 1 << 24
"""Bytes of a range that may have fewer packets."""
MOST = 1 << 26
"""Bytes that wait for a decoder, at most."""
PATIENCE = 0.02
"""In seconds: how often a decoder that waits for the others looks whether it can go on."""
CHANGES: tuple[Literal["new_extradata", "param_change", "palette"], ...] = ("new_extradata", "param_change", "palette")
"""What a key frame may carry for the decoder of all packets after it."""


class Range:
    """Packets that wait for their decoder, in the order of the file."""

    def __init__(self) -> None:
        self.end: int | None = None
        """The time stamp of the key frame with which the next range begins, once it was read."""
        self.packets = 0
        self._came = self._taken = 0
        self._waiting: deque[Any] = deque()

    def put(self, packet: Packet[Any]) -> None:
        self.packets += 1
        self._came += packet.size
        self._waiting.append(packet)

    def close(self, error: BaseException | None = None) -> None:
        """Let the range end, or fail, after the packets that were put."""
        self._waiting.append(error)

    def take(self) -> Packet[Any] | None:
        """The next packet; `None` ends the range. Raises the error with which it was closed."""
        found = self._waiting.popleft()
        if isinstance(found, BaseException):
            raise found
        self._taken += found.size if found is not None else 0
        packet: Packet[Any] | None = found
        return packet

    @property
    def ready(self) -> bool:
        """Whether there is something to take."""
        return bool(self._waiting)

    @property
    def large(self) -> bool:
        """Whether another range may begin after it."""
        return self.packets >= LEAST or self._came >= LARGE

    @property
    def full(self) -> bool:
        """Whether its packets must be taken before more are read."""
        return self._came - self._taken > MOST


class Ranges:
    """Reads the packets of a stream once, for several decoders, each on its thread.

    A range ends with the key frame that begins the next one, and with the frames before that key frame that need it (an
    open group). So two decoders have one picture in common, by which they can be compared.
    """

    def __init__(self, packets: Iterator[Packet[Any]]) -> None:
        self._packets = packets
        self._ranges = [Range()]
        self._lock = Lock()
        self._ended = False
        self._closed = Event()
        self._meeting = False
        """Whether the last range has only its key frame, and the one before it is not complete."""
        self._latest: int | None = None
        self._whole = False
        """Whether no other range can begin."""

    def find(self, number: int) -> Range | None:
        """A range by its number, from 0; `None` if the stream ends before it."""
        while True:
            ended = self._ended or self._closed.is_set()
            if number < len(self._ranges):
                return self._ranges[number]
            if ended:
                return None
            self._read(lambda: number < len(self._ranges))

    def packets(self, wanted: Range) -> Iterator[Packet[Any]]:
        """The packets of a range; those of others that are read on the way wait for their decoders."""
        while not self._closed.is_set():
            if not wanted.ready:
                self._read(lambda: wanted.ready)
            elif (packet := wanted.take()) is not None:
                yield packet
            else:
                return

    def close(self) -> None:
        """Let all decoders end soon."""
        self._closed.set()

    def _read(self, done: Callable[[], bool]) -> None:
        """Read the next packet, unless another decoder did so, or must take some packets first."""
        with self._lock:
            full = self._ranges[-1].full
            if not (full or done() or self._ended):
                self._read_one()
        if full:
            self._closed.wait(PATIENCE)

    def _read_one(self) -> None:
        error: BaseException | None = None
        try:
            if (packet := next(self._packets, None)) is not None:
                self._add(packet)
                return
        except BaseException as found:  # the decoder of the last range raises it
            error = found
        if self._meeting:
            self._ranges[-2].close()
        self._ranges[-1].close(error)
        self._ended = True

    def _add(self, packet: Packet[Any]) -> None:
        last = self._ranges[-1]
        if self._meeting:
            before = self._ranges[-2]
            if packet.pts is not None and before.end is not None and packet.pts < before.end:
                before.put(packet)
                return
            before.close()
            self._meeting = False
        elif self._begins(packet, last):
            last.end = packet.pts
            last.put(packet)
            last = Range()
            self._ranges.append(last)
            self._meeting = True
        last.put(packet)
        self._whole |= packet.pts is None or (packet.is_keyframe and any(map(packet.has_sidedata, CHANGES)))
        self._latest = packet.pts if self._latest is None or self._whole else max(self._latest, packet.pts or 0)

    def _begins(self, packet: Packet[Any], last: Range) -> bool:
        """Whether a range begins with a packet, after all that came before it."""
        sound = packet.is_keyframe and not (packet.is_corrupt or packet.is_discard)
        late = packet.pts is not None and (self._latest is None or packet.pts > self._latest)
        return sound and late and last.large and not self._whole
