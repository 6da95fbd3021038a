"""One pass over a video stream: the file is read once, and each frame is decoded once, for any number of analyses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from avstudio_core.errors import UnreadableMedia
from avstudio_video.media.ahead import ahead
from avstudio_video.media.container import open_media
from avstudio_video.media.index import PacketIndex
from avstudio_video.media.limits import Limits
from avstudio_video.media.streams import chosen_video, origin_of, stated_end
from avstudio_video.media.timecode import timecode_of

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame

OFTEN = 16
"""Frames between two reports of progress."""
WAITING = 8
"""Decoded frames that wait for the analyses."""


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
    rotation: int = 0
    aspect: Fraction = Fraction(1)
    timecode: str | None = None
    stated_end: float = 0.0
    corrupt: int = 0
    """Frames that the decoder found damaged."""

    def frames(self) -> Iterator[tuple[int, VideoFrame]]:
        """Each frame with its time stamp, in the order shown.

        Raises `NoVideoStream`, `NotFound`, and `UnreadableMedia` for a stream without frames or beyond the limits.
        """
        with open_media(self.path, self.limits) as container:
            stream = chosen_video(container, self.path, self.wanted)
            self._describe(container, stream)
            whole = self.stated_end or (container.duration or 0) / 1_000_000
            count = 0
            with closing(ahead(self._stamped(container, stream), WAITING)) as decoded:
                for count, (stamp, frame) in enumerate(decoded, 1):
                    if count % OFTEN == 1:
                        self.progress(min(1.0, self.time(stamp) / whole) if whole > 0 else 0.0)
                    yield stamp, frame
            if not count:
                raise UnreadableMedia(f"No frame of the video stream {stream.index} of '{self.path}' can be decoded.")

    def _stamped(self, container: InputContainer, stream: Any) -> Iterator[tuple[int, VideoFrame]]:
        """Decode, on another thread than that of the analyses."""
        count = 0
        for frame in self._decoded(container, stream):
            stamp = frame.pts if frame.pts is not None else self.index.guessed_stamp(count)
            if stamp is None:
                continue
            if not count:
                self.size, self.rotation = (frame.width, frame.height), frame.rotation
            count += 1
            self.corrupt += bool(frame.is_corrupt)
            self.limits.check_seconds(self.path, self.time(stamp))
            yield stamp, frame

    def time(self, stamp: int) -> float:
        """When a frame is shown, in seconds."""
        return float(stamp * self.index.unit - (0 if self.index.guessed else self.origin))

    def _describe(self, container: InputContainer, stream: Any) -> None:
        stream.codec_context.thread_count = 1  # threads of a decoder cost more time than they save beside the analyses
        rate = stream.guessed_rate or stream.average_rate
        self.index, self.origin = PacketIndex(stream), origin_of(container)
        self.rate = Fraction(rate) if rate else None
        self.aspect = Fraction(stream.sample_aspect_ratio or 1)
        self.timecode = timecode_of(stream.metadata, container.metadata)
        self.stated_end = stated_end(stream, self.origin)

    def _decoded(self, container: InputContainer, stream: Any) -> Iterator[Any]:
        import av

        listener = self.listen(container, self.origin) if self.listen else None
        heard = [listener.track] if listener else []
        for packet in _packets(container, [stream, *heard]):
            if listener and packet.stream_index == listener.track.index:
                self._hear(listener, packet)
                continue
            if packet.size:
                self.index.add(packet)
            with suppress(av.FFmpegError):
                yield from stream.decode(packet)
        if listener:
            listener.finish()

    def _hear(self, listener: Listener, packet: Any) -> None:
        if packet.pts is not None:
            self.limits.check_seconds(self.path, float(packet.pts * packet.time_base - self.origin))
        if packet.size:
            listener.feed(packet)


def _packets(container: InputContainer, streams: list[Any]) -> Iterator[Any]:
    """The packets up to the end, or to where the file is too damaged to go on, and those that end the streams."""
    import av

    with suppress(av.FFmpegError, OSError, IndexError):
        yield from container.demux(streams)
