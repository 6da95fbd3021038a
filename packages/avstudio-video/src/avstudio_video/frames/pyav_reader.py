"""Frames decoded by PyAV: it seeks to key frames, and decodes no more than it must."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar

from avstudio_video.frames.picture import Picture
from avstudio_video.frames.reader import Reader
from avstudio_video.media.ahead import side_by_side
from avstudio_video.media.container import open_media
from avstudio_video.media.cores import usable_cores
from avstudio_video.media.opacity import begins
from avstudio_video.media.picture_decoder import PictureDecoder, picture_decoder
from avstudio_video.media.streams import read_only

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame

AHEAD = 4
"""Pictures that a thread holds before it waits."""
SPARSE = 4
"""If no more than one of so many frames is wanted, frames that no other needs are not decoded."""


@dataclass(frozen=True)
class _Track:
    """The stream of an open file, and its decoder."""

    container: InputContainer
    stream: Any
    decoder: PictureDecoder

    def sought(self, key: int, first: int) -> Iterator[Any]:
        """The packets from a key frame on; none if they begin after `first`: seeking in MPEG-TS is a guess."""
        with suppress(OSError):
            self.container.seek(key, stream=self.stream, backward=True)
        packets = self.container.demux(self.stream)
        found = next(packets, None)
        if found is not None and (found.pts is None or (begins(found) and found.pts <= first)):
            yield found
            yield from packets


class PyAVReader(Reader):
    """Random access, with the pixels of a decoder that starts at the first frame."""

    name: ClassVar[str] = "pyav"
    tagged: ClassVar[bool] = True

    def read(self, wanted: Sequence[int]) -> Iterator[Picture]:
        """The frames; few of many are decoded side by side, from different key frames on."""
        index, keys = self.source.index, self.source.index.keys
        if index.guessed:
            yield from self._numbered(wanted)
            return
        span = index.number_at(wanted[-1]) - index.number_at(wanted[0]) + 1
        sparse = len(wanted) * SPARSE <= span or len(wanted) == 1
        groups = [[*group] for _, group in groupby(wanted, lambda one: bisect_right(keys, one) - 1 if sparse else 0)]
        hands = min(usable_cores(self.source.threads), len(groups))
        works = [self._groups(groups[number::hands], sparse) for number in range(hands)]
        yield from side_by_side(works, AHEAD)

    def _groups(self, groups: list[list[int]], sparse: bool) -> Iterator[Picture | None]:
        """The frames of each group, and `None` after each group."""
        with self._opened(sparse) as track:
            for group in groups:
                yield from self._near(track, group, sparse)
                yield None

    @contextmanager
    def _opened(self, sparse: bool) -> Iterator[_Track]:
        with open_media(self.source.path, self.source.limits) as container:
            stream: Any = container.streams[self.source.stream]
            read_only(container, stream)
            decoder = picture_decoder(stream)
            stream.codec_context.thread_type = "NONE" if sparse else "AUTO"
            if not sparse:
                stream.codec_context.thread_count = self.source.threads
            yield _Track(container, stream, decoder)

    def _near(self, track: _Track, stamps: list[int], sparse: bool) -> Iterator[Picture]:
        """The frames from the key frame before them on; if some need earlier frames, again from further back."""
        number = bisect_right(self.source.index.keys, stamps[0]) - 1
        missing = set(stamps)
        for start in (number, number - 1):
            if start < 0 or not missing:
                break
            packets = track.sought(self.source.index.keys[start], stamps[0])
            yield from self._walk(packets, track, missing, sparse)
        if missing:
            with self._opened(sparse=False) as again:
                yield from self._walk(again.container.demux(again.stream), again, missing, sparse=False)

    def _walk(self, packets: Iterator[Any], track: _Track, missing: set[int], sparse: bool) -> Iterator[Picture]:
        """The missing frames of some packets; each is taken out of `missing`."""
        for frame in self._decoded(packets, track, missing, sparse):
            if frame.pts in missing:
                missing.discard(frame.pts)
                yield Picture(frame.pts, frame, bool(frame.is_corrupt))
            if not missing:
                return

    def _decoded(self, packets: Iterator[Any], track: _Track, wanted: set[int], sparse: bool) -> Iterator[VideoFrame]:
        """Frames in the order of time, until all that are wanted are decoded."""
        import av

        unsent, last = set(wanted), max(wanted)
        with suppress(av.FFmpegError, OSError, IndexError):
            for packet in packets:
                self.source.check()
                if not packet.size or (packet.dts is not None and packet.dts > last):
                    break
                if sparse:
                    track.stream.codec_context.skip_frame = "DEFAULT" if packet.pts in wanted else "NONREF"
                with suppress(av.FFmpegError):
                    yield from track.decoder.decode(packet)
                unsent.discard(packet.pts)
                if not unsent:
                    break
        with suppress(av.FFmpegError):
            yield from track.decoder.decode(None)

    def _numbered(self, wanted: Sequence[int]) -> Iterator[Picture]:
        """The frames of a stream without time stamps, by their number."""
        stamps = dict(zip(map(self.source.index.number_at, wanted), wanted, strict=True))
        with open_media(self.source.path, self.source.limits) as container:
            stream: Any = container.streams[self.source.stream]
            frames: Iterator[Any] = container.decode(stream)
            for number, frame in enumerate(frames):
                self.source.check()
                if number in stamps:
                    yield Picture(stamps.pop(number), frame, bool(frame.is_corrupt))
                if not stamps:
                    return
