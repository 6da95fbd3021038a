"""One pass over a file that writes any number of its tracks and parts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import InvalidInput
from avstudio_video.media.container import open_media
from avstudio_video.media.limits import Limits
from avstudio_video.media.streams import origin_of
from avstudio_video.media.tags import file_tags, stream_tags
from avstudio_video.sound.copied_sound import CopiedSound
from avstudio_video.sound.decoded_track import DecodedTrack
from avstudio_video.sound.encoded_sound import EncodedSound, Encoding, output, written_rate
from avstudio_video.sound.plan import Output, TrackPlan

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer

LEAD = 1.0
"""Seconds before the first part at which reading begins, because decoders start with silence."""


@dataclass
class Written:
    """One file that was made."""

    output: Output
    track: TrackPlan
    path: Path
    sound: CopiedSound | EncodedSound


@dataclass
class Extraction:
    """Reads a file once, and writes what the plans of its tracks name."""

    path: Path
    new_path: Callable[[str, str], Path]
    """The path of a new file, by its key and its format."""
    limits: Limits
    progress: Callable[[float], None]
    written: list[Written] = field(default_factory=list)
    decoders: dict[int, DecodedTrack] = field(default_factory=dict)
    """By the number of their stream."""
    ends: dict[int, float] = field(default_factory=dict)
    """When the last packet of each stream ends, in seconds."""
    corrupt: int = 0
    """Packets that the file marks as damaged."""

    def run(self, plan: Callable[[InputContainer], list[TrackPlan]]) -> list[Written]:
        """Write all files. Raises `UnreadableMedia`, `InvalidInput`, `NotFound` and `StorageError`."""
        with ExitStack() as files, open_media(self.path, self.limits) as container:
            plans = plan(container)
            origin = origin_of(container)
            self.decoders = {one.stream.index: DecodedTrack(one.stream, origin) for one in plans if not one.copied}
            for one in plans:
                self._open(container, files, one)
            self._read(container, [one.stream for one in plans])
            for file in self.written:
                if file.sound.first is None:
                    raise self._silent(file)
                file.sound.finish()
        return self.written

    def _open(self, container: InputContainer, files: ExitStack, track: TrackPlan) -> None:
        for wanted in track.outputs:
            path = self.new_path(wanted.key, track.format)
            target = files.enter_context(output(path, track.format))
            target.metadata.update(file_tags(container.metadata, changed=True))
            if track.wish.whole and track.format in ("m4a", "mka"):
                target.set_chapters(container.chapters())
            self.written.append(Written(wanted, track, path, self._sound(container, target, track, wanted)))

    def _sound(
        self, container: InputContainer, target: OutputContainer, track: TrackPlan, wanted: Output
    ) -> CopiedSound | EncodedSound:
        if track.copied:
            return CopiedSound(target, track.stream, origin_of(container), wanted.span, track.wish.offset)
        decoder = self.decoders[track.stream.index]
        rate = written_rate(track.format, track.wish.rate or decoder.rate)
        encoding = Encoding(track.format, rate, wanted.layout or decoder.layout, track.bits, track.wish.bit_rate)
        sound = EncodedSound(target, encoding, decoder.rate, wanted.span, track.wish.offset)
        sound.metadata.update(stream_tags(track.stream.metadata))
        return sound

    def _read(self, container: InputContainer, streams: list[Any]) -> None:
        import av

        spans = [file.output.span for file in self.written]
        first, last = min(start for start, _ in spans), max(end for _, end in spans)
        origin = float(origin_of(container))
        if first > LEAD:
            with suppress(av.FFmpegError, OSError):
                container.seek(round((origin + first - LEAD) * 1_000_000))
        whole = min(last, (container.duration or 0) / 1_000_000 or math.inf)
        for packet in _packets(container, streams):
            begin = self.ends.get(packet.stream_index, 0.0)
            if packet.pts is not None:
                begin = float(packet.pts * packet.time_base) - origin
            self.ends[packet.stream_index] = begin + float((packet.duration or 0) * packet.time_base)
            self.corrupt += packet.is_corrupt
            self.limits.check_seconds(self.path, begin)
            self.progress(min(1.0, begin / whole) if 0 < whole < math.inf else 0.0)
            if begin > last + LEAD:
                break
            self._feed(packet.stream_index, packet)
        for index in self.decoders:
            self._feed(index, None)

    def _feed(self, index: int, packet: Any) -> None:
        """Pass on a packet, or `None` after the last one."""
        files = [one for one in self.written if one.track.source.index == index]
        for begin, block in self.decoders[index].feed(packet) if index in self.decoders else ():
            for file in files:
                if isinstance(file.sound, EncodedSound):
                    file.sound.feed(begin, block, file.output.mix)
        for file in files:
            if isinstance(file.sound, CopiedSound):
                file.sound.feed(packet)

    def _silent(self, file: Written) -> InvalidInput:
        begin, end = file.output.span
        part = "" if (begin, end) == (0.0, math.inf) else f" after {begin:g} s"
        part += "" if end == math.inf else f" and before {end:g} s"
        return InvalidInput(f"Track {file.track.source.index} of '{self.path}' does not have sound{part}.")


def _packets(container: InputContainer, streams: list[Any]) -> Iterator[Any]:
    """The packets up to the end, or to where the file is too damaged to go on."""
    import av

    with suppress(av.FFmpegError, OSError, IndexError):
        for packet in container.demux(streams):
            if packet.size:
                yield packet
