"""Encoded sound that is copied as it is to another container."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from avstudio_video.media.damage import GAP
from avstudio_video.media.tags import stream_tags

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet

    from avstudio_core.spans import Span


class CopiedSound:
    """Copies the packets that overlap a span; the file's time begins with the source's, or with the first packet."""

    def __init__(self, container: OutputContainer, stream: Any, origin: Fraction, span: Span, offset: bool) -> None:
        """`offset` keeps a late start of a whole track in the time stamps."""
        self._container, self._stream, self._origin, self._span = container, stream, origin, span
        self._copy: Any = container.add_stream_from_template(stream)
        self._copy.metadata.update(stream_tags(stream.metadata))
        self._base: int | None = round(origin / Fraction(stream.time_base)) if offset and span[0] == 0 else None
        self.first: float | None = None
        self.last = 0.0
        """When the copied packets begin and end, in seconds of the source."""
        self.lost, self.silent = 0, 0.0
        """Packets that are too damaged for the container; seconds of the gaps between packets."""
        codec = stream.codec_context
        self.rate, self.channels = codec.sample_rate, codec.layout.nb_channels

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.last - (self.first or 0.0)

    def feed(self, packet: Packet[Any] | None) -> None:
        """Copy a packet if it overlaps the span."""
        if packet is None or packet.pts is None or packet.dts is None:
            return
        unit = Fraction(self._stream.time_base)
        begin = float(packet.pts * unit - self._origin)
        end = begin + float((packet.duration or 0) * unit)
        if begin >= self._span[1] or end <= self._span[0] > 0:  # packets before 0 are the encoder's delay
            return
        if self._base is None:
            self._base = packet.pts
        if self.first is None:
            self.first = max(begin, 0.0)
        elif begin - self.last > GAP:
            self.silent += begin - self.last
        self.last = max(self.last, end)
        packet.pts -= self._base
        packet.dts -= self._base
        self._mux(packet)

    def _mux(self, packet: Packet[Any]) -> None:
        import av

        packet.stream = self._copy
        try:
            self._container.mux(packet)
        except av.InvalidDataError:
            self.lost += 1

    def finish(self) -> None:
        """Nothing is left to write."""
