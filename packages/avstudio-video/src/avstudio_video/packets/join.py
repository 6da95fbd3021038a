"""Spans of one or more files, one after the other in a new file, without decoding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import InvalidInput
from avstudio_core.spans import WHOLE, Span
from avstudio_video.media.container import open_media
from avstudio_video.media.limits import Limits
from avstudio_video.packets.compatibility import difference
from avstudio_video.packets.packet_file import CopiedTrack, PacketFile
from avstudio_video.packets.source import PacketSource, length_of

if TYPE_CHECKING:
    from av.packet import Packet


@dataclass(frozen=True, slots=True)
class Piece:
    """A span of some streams of a file; streams have the numbers of `video.probe`, in the order of the new tracks."""

    path: Path
    streams: Sequence[int]
    span: Span = WHOLE


@dataclass(frozen=True, slots=True)
class JoinedPiece:
    """Where a piece really begins and ends in its source, and where it begins in the new file, in seconds."""

    begin: float
    end: float
    at: float
    lost: int = 0
    """Packets that were too damaged to be copied."""
    empty: frozenset[int] = frozenset()
    """The numbers of the streams of which it has nothing."""


class Join:
    """Copies pieces into a file; the tracks are those of the first piece."""

    def __init__(self, file: PacketFile, limits: Limits, progress: Callable[[Fraction], None]) -> None:
        """`progress` is called with the seconds that are written."""
        self._file, self._limits, self._progress = file, limits, progress
        self.at = Fraction(0)
        """Where the next piece begins."""

    def begin(self, piece: Piece) -> None:
        """Make the tracks of the file, those of the first piece. Raises `InvalidInput` if it does not take one."""
        with open_media(piece.path, self._limits) as container:
            for number in piece.streams:
                self._file.add(container.streams[number])

    def add(self, piece: Piece) -> JoinedPiece:
        """Copy a piece to the end of the file.

        Raises `InvalidInput` if it is coded in another way than the first one, or does not have packets.
        """
        with open_media(piece.path, self._limits) as container:
            streams: list[Any] = [container.streams[number] for number in piece.streams]
            self._compare(piece.path, streams)
            tracks = self._file.tracks
            hidden, joint = self._file.format.edited, self.at > 0
            source = PacketSource(container, piece.path, streams, piece.span, hidden=hidden, joint=joint)
            return self._copied(piece, source, dict(zip(piece.streams, tracks, strict=True)))

    def _compare(self, path: Path, streams: Sequence[Any]) -> None:
        if len(streams) != len(self._file.tracks):
            raise InvalidInput(f"'{path}' has {len(streams)} of {len(self._file.tracks)} streams that are joined.")
        for stream, track in zip(streams, self._file.tracks, strict=True):
            if found := difference(stream, track.stream):
                raise InvalidInput(
                    f"'{path}' cannot be joined as it is: {found}.", hint="Let all of them be encoded in the same way."
                )

    def _copied(self, piece: Piece, source: PacketSource, tracks: dict[int, CopiedTrack]) -> JoinedPiece:
        at, end, joint = self.at, Fraction(0), Joint(source, self.at)
        lost, copied = sum(track.lost for track in tracks.values()), set[int]()
        for packet in source:
            track = tracks[packet.stream_index]
            if (shift := joint.shift(packet, track)) is None:
                continue
            if source.main is None or packet.stream is source.main:
                end = max(end, source.time(packet) + length_of(packet))
            copied.add(packet.stream_index)
            reached = at + source.time(packet) - source.begin
            self._file.write(track, packet, shift)  # which gives the packet the times and the stream of the new file
            self._progress(reached)
        if not end:
            message = f"'{piece.path}' does not have a frame that a decoder can begin with after another file."
            raise InvalidInput(message, hint="Let it be encoded.")
        if end <= piece.span[0]:
            raise InvalidInput(f"'{piece.path}' ends at {float(end):g} s, before a part from {piece.span[0]:g} s.")
        self.at = at + end - source.begin
        lost = sum(track.lost for track in tracks.values()) - lost
        return JoinedPiece(float(source.begin), float(end), float(at), lost, frozenset({*tracks} - copied))


class Joint:
    """Where the packets of a piece go; sound goes right after that of the piece before, up to half a packet off."""

    def __init__(self, source: PacketSource, at: Fraction) -> None:
        self._source, self._at = source, at
        self._moved: dict[int, Fraction] = {}

    def shift(self, packet: Packet[Any], track: CopiedTrack) -> Fraction | None:
        """The seconds to add to a packet's times in the source; `None` if there is sound already at its time."""
        shift = self._at - self._source.begin - self._source.origin
        if not self._at or packet.stream.type != "audio":
            return shift
        if packet.stream_index not in self._moved:
            early = track.end - (self._source.time(packet) + self._source.origin + shift)
            if early > length_of(packet) / 2:
                return None
            self._moved[packet.stream_index] = early if abs(early) <= length_of(packet) / 2 else Fraction(0)
        return shift + self._moved[packet.stream_index]


def join(
    file: PacketFile, pieces: Sequence[Piece], limits: Limits, progress: Callable[[Fraction], None] = lambda time: None
) -> list[JoinedPiece]:
    """Copy pieces one after the other; the length of each is that of its picture.

    Raises `InvalidInput` for pieces that differ in their coding, and `UnreadableMedia`.
    """
    joined = Join(file, limits, progress)
    joined.begin(pieces[0])
    return [joined.add(piece) for piece in pieces]
