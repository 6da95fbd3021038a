"""The frames of a timeline, one after the other, with their new times."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING, Any

from avstudio_video.encoding.colour_tags import ColourTags
from avstudio_video.frames.picture import Picture
from avstudio_video.frames.pyav_reader import PyAVReader
from avstudio_video.frames.reader import Source
from avstudio_video.media.container import open_media
from avstudio_video.media.limits import Limits
from avstudio_video.media.picture_decoder import picture_decoder
from avstudio_video.media.planes import is_transparent
from avstudio_video.timeline.canvas import Canvas
from avstudio_video.timeline.footage import Footage
from avstudio_video.timeline.parts import Part, Timeline

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

Wanted = Callable[[Part, Fraction, Fraction], bool]
"""Whether a frame of a part is wanted, which is shown from a first to a second time."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One frame of a part."""

    part: Part
    time: Fraction
    """When it is shown in the new video."""
    frame: VideoFrame


@dataclass
class Pictures:
    """Decodes what a timeline shows; where two parts are shown at once, both are decoded side by side."""

    timeline: Timeline
    footage: Sequence[Footage]
    canvas: Canvas
    limits: Limits
    check: Callable[[], None]
    missing: int = 0
    """Frames that could not be decoded; those before them are shown longer."""
    corrupt: int = 0
    """Frames that the decoder found damaged."""
    resized: int = 0
    """Frames that have another size than the first one of their file."""
    transparent: bool = False
    """Whether a frame has a pixel that is not opaque."""

    def frames(self) -> Iterator[tuple[Fraction, VideoFrame]]:
        """Upright frames in the size of the canvas, with the times from which they are shown."""
        falls = {
            before: after.fade for before, after in zip(self.timeline.parts, self.timeline.parts[1:], strict=False)
        }
        main = self._decoded(lambda part, start, end: start < part.end - falls.get(part, 0))
        tails = Tails(self._decoded(lambda part, start, end: end > part.end - falls.get(part, 0)))
        for shown in main:
            into = shown.time - shown.part.at
            if into < shown.part.fade and (before := tails.at(shown.time)):
                step = self.footage[shown.part.source].grid.step
                yield shown.time, blended(before, shown.frame, float((into + step) / (shown.part.fade + step)))
            else:
                yield shown.time, shown.frame

    def _decoded(self, wanted: Wanted) -> Iterator[Shown]:
        """The wanted frames of all parts, each file from its start to its end."""
        for number, parts in groupby(self.timeline.parts, lambda part: part.source):
            yield from self._of_file(self.footage[number], [*parts], wanted)

    def _of_file(self, footage: Footage, parts: list[Part], wanted: Wanted) -> Iterator[Shown]:
        stream, grid = footage.stream, footage.grid
        places = {
            stream.index.shown[number]: (part, time)
            for part in parts
            for number in part.frames
            if wanted(part, time := grid.time(number), grid.time(number + 1))
        }
        if not places:
            return
        self.missing += len(places)
        for picture in self._in_order(footage, [*places]):
            part, time = places[picture.stamp]
            self.missing -= 1
            self.corrupt += picture.corrupt
            self.resized += (picture.frame.width, picture.frame.height) != (stream.width, stream.height)
            self.transparent = self.transparent or is_transparent(picture.frame)
            frame = self.canvas.put(picture.frame, stream.rotation, stream.aspect)
            yield Shown(part, part.at + time - part.start, frame)

    def _in_order(self, footage: Footage, stamps: list[int]) -> Iterator[Picture]:
        """The frames with these time stamps, one after the other.

        A file that is damaged, or of a kind in which places cannot be found exactly, is decoded from its start.
        """
        stream, left = footage.stream, deque(stamps)
        source = Source(footage.path, stream.number, stream.video_number, stream.index, self.limits, self.check)
        for picture in PyAVReader(source).read(stamps):
            if picture.stamp != left[0]:
                yield from self._from_start(source, set(left))
                return
            left.popleft()
            yield picture

    def _from_start(self, source: Source, wanted: set[int]) -> Iterator[Picture]:
        import av

        latest = min(wanted) - 1
        with open_media(source.path, self.limits) as container, suppress(av.FFmpegError, OSError, IndexError):
            stream: Any = container.streams[source.stream]
            decoder = picture_decoder(stream)
            for packet in container.demux(stream):
                self.check()
                with suppress(av.FFmpegError):
                    for frame in decoder.decode(packet):
                        if frame.pts in wanted and frame.pts > latest:
                            latest = frame.pts
                            yield Picture(frame.pts, frame, bool(frame.is_corrupt))


@dataclass
class Tails:
    """The ends of parts that are shown together with the next part."""

    shown: Iterator[Shown]
    _now: VideoFrame | None = None
    _next: Shown | None = field(default=None)

    def at(self, time: Fraction) -> VideoFrame | None:
        """The frame on the screen at a time of the new video; the times must increase."""
        self._next = self._next or next(self.shown, None)
        while self._next and self._next.time <= time:
            self._now, self._next = self._next.frame, next(self.shown, None)
        return self._now


def blended(one: VideoFrame, other: VideoFrame, part: float) -> VideoFrame:
    """Two frames on the same canvas, mixed: the second one has the share `part`."""
    import av
    import numpy as np

    kind: Any = np.uint16 if max(component.bits for component in one.format.components) > 8 else np.uint8
    made = av.VideoFrame(other.width, other.height, other.format.name)
    for planes in zip(one.planes, other.planes, made.planes, strict=True):
        before, after, new = (np.frombuffer(plane, kind).reshape(plane.height, -1) for plane in planes)  # type: ignore[call-overload]
        width = min(before.shape[1], after.shape[1], new.shape[1])
        new[:, :width] = np.rint(before[:, :width] * (1 - part) + after[:, :width] * part)
    ColourTags.of(other).put_on(made)
    return made
