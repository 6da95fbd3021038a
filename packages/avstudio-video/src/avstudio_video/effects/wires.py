"""Filters of FFmpeg, wired by names and values, never by text, for frames of one shape."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import InvalidInput
from avstudio_video.effects.streams import Clip, Shown
from avstudio_video.encoding.colour_tags import FULL, GBR, MATRICES, RANGES

if TYPE_CHECKING:
    from av.filter.context import FilterContext
    from av.video.frame import VideoFrame


UNIT = Fraction(1, 1_000_000)
Pin = tuple["FilterContext", int]
"""An output of a filter."""


class Wires:
    """One graph of filters; frames come out in the pixel format of the clip that is wanted."""

    def __init__(self, given: Clip, pixels: str | None = None) -> None:
        """`pixels` is the pixel format of the frames that come, if it is another one than the shape's."""
        from av.filter import Graph

        self.clip = given
        self._graph: Any = Graph()
        self._graph.threads = 1
        self._given = _colours(given, pixels or given.pixels)
        self.source: Pin = self.add(
            "buffer",
            width=given.width,
            height=given.height,
            pix_fmt=pixels or given.pixels,
            time_base="1/1000000",
            colorspace=MATRICES[self._given[0]],
            range=RANGES[self._given[1]],
        )
        self._sink: Any = None

    def add(self, name: str, *inputs: Pin, **values: Any) -> Pin:
        """A filter behind others."""
        node = self._graph.add(name, **{key: str(value) for key, value in values.items()})
        for number, (before, output) in enumerate(inputs):
            before.link_to(node, output, number)
        return node, 0

    def split(self, pin: Pin) -> tuple[Pin, Pin]:
        """The same frames twice."""
        node, _ = self.add("split", pin)
        return (node, 0), (node, 1)

    def finish(self, pin: Pin, wanted: Clip) -> None:
        """Take the frames of an output, in the pixel format and the colours of a clip."""
        matrix, span = _colours(wanted, wanted.pixels)
        end = self.add("format", pin, pix_fmts=wanted.pixels, color_spaces=MATRICES[matrix], color_ranges=RANGES[span])
        self._sink, _ = self.add("buffersink", end)
        with self._told():
            self._graph.configure()

    def feed(self, frame: VideoFrame | None) -> Iterator[VideoFrame]:
        """Give a frame, or `None` after the last one, and take those that are ready."""
        import av

        if frame is not None:
            frame.colorspace, frame.color_range = self._given
        with self._told():
            self.source[0].push(frame)
        with self._told(), suppress(av.BlockingIOError, av.EOFError):
            while True:
                yield self._sink.pull()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of filters are about this picture, and not about the file that is written."""
        import av

        try:
            yield
        except av.FFmpegError as error:
            size = f"{self.clip.width}x{self.clip.height}"
            message = f"A filter cannot be applied to a picture of {size} pixels in '{self.clip.pixels}'"
            raise InvalidInput(f"{message}: {error.strerror}.") from error


def _colours(clip: Clip, pixels: str) -> tuple[int, int]:
    """The matrix and the range of a clip in a pixel format."""
    from av import VideoFormat

    return (GBR, FULL) if VideoFormat(pixels).is_rgb else (clip.matrix, clip.tags.range)


Wire = Callable[[Wires], Pin]
"""Adds filters, and gives the output of the last one."""


def filtered(
    frames: Iterator[Shown], given: Clip, wanted: Clip, wire: Wire, pixels: str | None = None
) -> Iterator[Shown]:
    """Each frame through filters that give one frame for each, perhaps later."""
    wires = Wires(given, pixels)
    wires.finish(wire(wires), wanted)
    waiting: deque[Shown] = deque()

    def ready(frame: VideoFrame | None) -> Iterator[Shown]:
        for made in wires.feed(frame):
            wanted.tags.put_on(made)
            yield waiting.popleft().with_frame(made)

    for number, shown in enumerate(frames):
        waiting.append(shown)
        shown.frame.pts, shown.frame.time_base = number, UNIT
        yield from ready(shown.frame)
    yield from ready(None)
