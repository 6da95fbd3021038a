"""A new file that packets are copied to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from avstudio_core.errors import InvalidInput
from avstudio_video.encoding.containers import CONTAINERS, VideoFormat
from avstudio_video.encoding.writer import new_file
from avstudio_video.media.damage import GAP
from avstudio_video.media.opacity import OPACITY
from avstudio_video.media.streams import codec_of
from avstudio_video.media.tags import stream_tags
from avstudio_video.packets.stamps import Stamps

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.stream import Stream


FRAMED = ("aac", "mp3", "mp2", "ac3", "eac3", "opus")
"""Codecs of sound whose decoders always make whole frames, also of a last packet that is said to be shorter."""


@dataclass
class CopiedTrack:
    """One track of a new file; its packets come in the order of decoding."""

    stream: Any
    """The stream of the new file."""
    stamps: Stamps = field(default_factory=Stamps)
    packets: int = 0
    clear: int = 0
    """Packets that say where the picture is transparent."""
    lost: int = 0
    """Packets that are too damaged for the container."""
    silent: Fraction = Fraction(0)
    """Seconds of the gaps between packets of sound."""

    @property
    def end(self) -> Fraction:
        """When the last packet ends that was written, in seconds of the new file."""
        return self.stamps.end * Fraction(self.stream.time_base)


class PacketFile:
    """A file with copied tracks; encoded ones can be added to its `container` before the first packet is written."""

    def __init__(self, container: OutputContainer, format: VideoFormat) -> None:
        self.container, self.name, self.format = container, format, CONTAINERS[format]
        self.tracks: list[CopiedTrack] = []
        self.timecode: str | None = None
        """That of the first picture, for tracks that keep the tags of their streams."""

    def add(self, stream: Stream, tags: Mapping[str, str] | None = None, disposition: int | None = None) -> CopiedTrack:
        """A track for the packets of a stream: with its codec, size, rotation and colour, its tags and uses.

        Raises `InvalidInput` if the container does not take the codec.
        """
        if not self.format.takes(stream):
            raise InvalidInput(
                f"{codec_of(stream) or 'An unknown codec'} cannot be copied into '{self.name}'.",
                hint="Choose another format, or let it be encoded.",
            )
        copy: Any = self.container.add_stream_from_template(stream, opaque=True)
        copy.metadata.update(self._tags(stream) if tags is None else tags)
        copy.disposition = stream.disposition if disposition is None else disposition
        if stream.type == "video" and (rate := cast(Any, stream).guessed_rate):
            copy.codec_context.framerate = rate  # else that of the codec, which may be its unit of time
        if codec_of(stream) == "hevc" and self.format.edited:
            copy.codec_context.codec_tag = "hvc1"  # the one of the two that Apple's players know
        track = CopiedTrack(copy, Stamps(whole=codec_of(stream) in FRAMED))
        self.tracks.append(track)
        return track

    def _tags(self, stream: Stream) -> dict[str, str]:
        timed = self.timecode and stream.type == "video"
        return stream_tags(stream.metadata, changed=True) | ({"timecode": self.timecode or ""} if timed else {})

    def write(self, track: CopiedTrack, packet: Packet[Any], shift: Fraction = Fraction(0)) -> None:
        """Write a packet, whose times are those of its source; `shift` in seconds is added to them."""
        import av

        self.container.start_encoding()  # which decides the units of time
        unit = Fraction(track.stream.time_base)
        end = track.end
        track.stamps.restamp(packet, unit, shift)
        missing = Fraction(packet.pts or 0) * unit - end
        if track.packets and track.stream.type == "audio" and missing > GAP:
            track.silent += missing
        packet.stream = track.stream
        try:
            track.clear += packet.has_sidedata(OPACITY)
            self.container.mux(packet)
            track.packets += 1
        except av.InvalidDataError:
            track.lost += 1


@contextmanager
def packet_file(path: Path, format: VideoFormat) -> Iterator[PacketFile]:
    """A new file, which is removed if the block raises. Raises `StorageError`, `InvalidInput`."""
    made = CONTAINERS[format]
    with new_file(path, made.muxer, made.options, f"This video cannot be written as '{format}'") as container:
        yield PacketFile(container, format)
