"""One pass over a video stream: the file is read once, and each frame is decoded once, for any number of analyses."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from avstudio_core.errors import UnreadableMedia
from avstudio_video.media.ahead import ahead, side_by_side
from avstudio_video.media.container import open_media
from avstudio_video.media.index import PacketIndex
from avstudio_video.media.limits import Limits
from avstudio_video.media.picture_decoder import another
from avstudio_video.media.range_decoder import CODECS, Meeting, RangeDecoder, stitched
from avstudio_video.media.ranges import LEAST, Ranges
from avstudio_video.media.streams import chosen_video, origin_of, rotation_of, stated_end
from avstudio_video.media.timecode import timecode_of

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame

OFTEN = 16
"""Frames between two reports of progress, and frames that a thread of several hands over together."""
WAITING = 8
"""Decoded frames that wait for the analyses."""
FEWEST, MOST = 256, 2048
"""What was seen in so many frames may wait, for each of several decoders: some ranges between usual key frames."""
SHARED = 1 << 26
"""Bytes of the pictures that two ranges share and that wait with them, for each decoder, unless that is too few."""

NONE = Fraction(0)

View = TypeVar("View", covariant=True)


class Viewer(Protocol[View]):
    """Takes from frames that follow each other, with their time stamps, what analyses need of them."""

    def __call__(self, stamp: int, frame: VideoFrame) -> View: ...


class Seen(NamedTuple, Generic[View]):
    """A frame that was decoded."""

    stamp: int
    corrupt: bool
    resized: bool
    """Whether it has another size or pixel format than the first one."""
    view: View


class Listener(Protocol):
    """Gets the packets of one more stream."""

    track: Any

    def feed(self, packet: Any) -> None: ...

    def finish(self) -> None: ...


@dataclass
class FramePass:
    """Decodes all frames of a stream, the best one by default; afterwards, what is known about the stream.

    The packets of another stream go to a listener, so that the file is read once for both.
    """

    path: Path
    wanted: int | None
    limits: Limits
    progress: Callable[[float], None]
    """Called with the finished part; an exception of it stops the pass."""
    listen: Callable[[InputContainer, Fraction], Listener] | None = None
    """Chooses the other stream of the open file, which starts at a time."""
    index: PacketIndex = field(init=False)
    origin: Fraction = Fraction(0)
    rate: Fraction | None = None
    """The rate that the stream is meant for."""
    size: tuple[int, int] = (0, 0)
    _pixels: str = ""
    rotation: int = 0
    aspect: Fraction = Fraction(1)
    timecode: str | None = None
    stated_end: float = 0.0
    corrupt: int = 0
    """Frames that the decoder found damaged."""
    resized: int = 0
    """Frames that have another size or pixel format than the first one, and were brought to it."""

    def views(self, new_viewer: Callable[[], Viewer[View]], decoders: int = 1) -> Iterator[tuple[int, View]]:
        """What a viewer sees in each frame, with the frame's time stamp, in the order shown.

        Several decoders share the stream in ranges; each range has a viewer of its own, on the thread of its decoder.
        Raises `NoVideoStream`, `NotFound`, and `UnreadableMedia` for a stream without frames or beyond the limits; with
        several decoders, also `RangesDiffer`.
        """
        with open_media(self.path, self.limits) as container:
            stream = chosen_video(container, self.path, self.wanted)
            self._describe(container, stream)
            whole = self.stated_end or (container.duration or 0) / 1_000_000
            apart = decoders > 1 and stream.codec_context.codec.canonical_name in CODECS
            seen = self._apart(container, stream, new_viewer, decoders) if apart else None
            number = 0
            with closing(seen or self._alone(container, stream, new_viewer())) as found:
                for number, (stamp, corrupt, resized, view) in enumerate(found, 1):
                    self.corrupt += corrupt
                    self.resized += resized
                    if number % OFTEN == 1:
                        self.progress(min(1.0, self.time(stamp) / whole) if whole > 0 else 0.0)
                    yield stamp, view
            if not number:
                raise UnreadableMedia(f"No frame of the video stream {stream.index} of '{self.path}' can be decoded.")

    def _alone(self, container: InputContainer, stream: Any, view: Viewer[View]) -> Generator[Seen[View], None, None]:
        """Decode on another thread than that of the analyses."""
        with closing(ahead(self._decoded(container, stream), WAITING)) as decoded:
            for stamp, frame in decoded:
                yield self._see(view, stamp, frame)

    def _apart(
        self, container: InputContainer, stream: Any, new_viewer: Callable[[], Viewer[View]], decoders: int
    ) -> Generator[Seen[View], None, None]:
        """Decode and see on several threads."""
        codec = stream.codec_context
        codecs = [codec, *(another(codec) for _ in range(decoders - 1))]
        ranges = Ranges(self._packets(container, stream))
        works = [
            self._parts(RangeDecoder(one, ranges), ranges, new_viewer, count(number, decoders))
            for number, one in enumerate(codecs)
        ]
        first = next(works[0], None)  # the rotation that it tells is known to all viewers
        works[0] = chain([first], works[0])
        items: Generator[Seen[View] | Meeting, None, None] = side_by_side(works, _waiting(codec), OFTEN)
        with closing(items), closing(ranges):
            yield from stitched(items)

    def _parts(
        self, decoder: RangeDecoder, ranges: Ranges, new_viewer: Callable[[], Viewer[View]], numbers: Iterator[int]
    ) -> Iterator[Seen[View] | Meeting | None]:
        """What is seen in some of the ranges; `None` ends each."""
        for number in numbers:
            if (part := ranges.find(number)) is None:
                return
            yield from self._part(decoder.frames(part, first=not number), new_viewer())
            yield None

    def _part(self, frames: Iterator[VideoFrame | Meeting], view: Viewer[View]) -> Iterator[Seen[View] | Meeting]:
        """What is seen in a range. No frame is kept, so that the decoder writes the next one to memory in the cache."""
        place = 0
        for found in frames:
            if isinstance(found, Meeting):
                if not place and found.frame.pts is not None:
                    self._see(view, found.frame.pts, found.frame)  # the first frame of the range is compared with it
                yield found
            elif (stamp := self._stamp(found, place)) is not None:
                yield self._see(view, stamp, found)
            del found
            place += 1  # noqa: SIM113 - `enumerate` keeps the last frame

    def _stamp(self, frame: VideoFrame, number: int) -> int | None:
        """The time stamp of a frame; `None` if it does not have one, but others do."""
        stamp = frame.pts if frame.pts is not None else self.index.guessed_stamp(number)
        if stamp is not None:
            if not self.size[0]:
                self.size, self.rotation, self._pixels = (
                    (frame.width, frame.height),
                    rotation_of(frame),
                    frame.format.name,
                )
            self.limits.check_seconds(self.path, self.time(stamp))
        return stamp

    def _see(self, view: Viewer[View], stamp: int, frame: VideoFrame) -> Seen[View]:
        """What is seen in a frame, in the shape of the first one, to which analyses compare it."""
        corrupt = bool(frame.is_corrupt)
        resized = (frame.width, frame.height) != self.size or frame.format.name != self._pixels
        if resized:
            frame = frame.reformat(*self.size, self._pixels, interpolation="BICUBIC", threads=1)
        return Seen(stamp, corrupt, resized, view(stamp, frame))

    def time(self, stamp: int) -> float:
        """When a frame is shown, in seconds."""
        return seconds(stamp, self.index.unit, NONE if self.index.guessed else self.origin)

    def _describe(self, container: InputContainer, stream: Any) -> None:
        stream.codec_context.thread_count = 1  # threads of a decoder cost more time than they save beside the analyses
        rate = stream.guessed_rate or stream.average_rate
        self.index, self.origin = PacketIndex(stream), origin_of(container)
        self.rate = Fraction(rate) if rate else None
        self.aspect = Fraction(stream.sample_aspect_ratio or 1)
        self.timecode = timecode_of(stream.metadata, container.metadata)
        self.stated_end = stated_end(stream, self.origin)

    def _decoded(self, container: InputContainer, stream: Any) -> Iterator[tuple[int, VideoFrame]]:
        import av

        number = 0
        for packet in chain(self._packets(container, stream), [None]):
            with suppress(av.FFmpegError):
                for frame in stream.decode(packet):
                    stamp, number = self._stamp(frame, number), number + 1
                    if stamp is not None:
                        yield stamp, frame

    def _packets(self, container: InputContainer, stream: Any) -> Iterator[Any]:
        """The packets of the stream, each noted in the index; those of the other stream go to the listener."""
        listener = self.listen(container, self.origin) if self.listen else None
        heard = [listener.track] if listener else []
        for packet in _packets(container, [stream, *heard]):
            if listener and packet.stream_index == listener.track.index:
                self._hear(listener, packet)
            elif packet.size:
                self.index.add(packet)
                yield packet
        if listener:
            listener.finish()

    def _hear(self, listener: Listener, packet: Any) -> None:
        if packet.pts is not None:
            self.limits.check_seconds(self.path, seconds(packet.pts, listener.track.time_base, self.origin))
        if packet.size:
            listener.feed(packet)


def seconds(stamp: int, unit: Fraction, origin: Fraction) -> float:
    """When something is shown, as `float(stamp * unit - origin)`, which takes ten times as long."""
    after = stamp * unit.numerator * origin.denominator - origin.numerator * unit.denominator
    return after / (unit.denominator * origin.denominator)


def _waiting(codec: VideoCodecContext) -> int:
    """How many views may wait for each of several decoders: with a range, two pictures wait, at two bytes a pixel."""
    return max(FEWEST, min(MOST, SHARED * LEAST // (4 * codec.width * codec.height or 1)))


def _packets(container: InputContainer, streams: list[Any]) -> Iterator[Any]:
    """The packets up to the end, or to where the file is too damaged to go on, and those that end the streams."""
    import av

    with suppress(av.FFmpegError, OSError, IndexError):
        yield from container.demux(streams)
