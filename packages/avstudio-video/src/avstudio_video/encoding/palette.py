"""The frames of a GIF, in the 256 colours that suit the whole clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import InvalidInput

if TYPE_CHECKING:
    from fractions import Fraction

    from av.filter import Graph
    from av.video.frame import VideoFrame

MOST_PIXELS = 150_000_000
"""Of all frames: they are in a temporary file until the palette is known, with four bytes each."""
WHOLE, SPARSE = 2_000_000, 4_000_000
"""Pixels whose colours are counted of all frames, and then of every fourth one; FFmpeg keeps each colour in memory."""
KNOWN = 2_000_000
"""Pixels after which FFmpeg forgets which colour of the palette is next to another one, for the same reason."""


class Palette:
    """Takes all frames, then gives them back with a palette."""

    def __init__(self, width: int, height: int, unit: Fraction, folder: Path) -> None:
        """`folder` is where the temporary file is, which has no name."""
        from av.filter import Graph

        self._size, self._unit, self._stamps, self._counted = (width, height), unit, list[int | None](), 0
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115 - it is closed after the last frame, or with the object
        self._graph = Graph()
        self._source = self._input(self._graph)
        colours = self._graph.add("palettegen")
        self._colours: Any = self._graph.add("buffersink")
        self._source.link_to(colours)
        colours.link_to(self._colours)
        self._graph.configure()

    def add(self, frame: VideoFrame) -> None:
        """Take the next frame, of `bgra`. Raises `InvalidInput` if the clip is too large."""
        width, height = self._size
        if (len(self._stamps) + 1) * width * height > MOST_PIXELS:
            message = (
                f"A GIF of {width}x{height} pixels can have {MOST_PIXELS // (width * height)} frames at most here."
            )
            raise InvalidInput(message, hint="Make it shorter or smaller, with fewer frames per second, or as 'webp'.")
        self._file.write(frame.to_ndarray().tobytes())
        step = 1 if self._counted < WHOLE else 4 if self._counted < SPARSE else 16
        if len(self._stamps) % step == 0:
            self._source.push(frame)
            self._counted += width * height
        self._stamps.append(frame.pts)

    def frames(self) -> Iterator[VideoFrame]:
        """All frames, of `pal8`."""
        self._source.push(None)
        if not self._stamps:
            return
        colours, (width, height) = self._colours.pull(), self._size
        batch = max(1, KNOWN // (width * height))
        with self._file:
            self._file.seek(0)
            for first in range(0, len(self._stamps), batch):
                yield from self._coloured(self._stamps[first : first + batch], colours)

    def _coloured(self, stamps: Sequence[int | None], colours: VideoFrame) -> Iterator[VideoFrame]:
        """The next frames of the file in the colours of a palette."""
        from av import VideoFormat
        from av.filter import Graph

        graph = Graph()
        source, use, sink = self._input(graph), graph.add("paletteuse"), graph.add("buffersink")
        shape = colours.width, colours.height, VideoFormat(colours.format.name)
        palette = graph.add_buffer(None, *shape, time_base=self._unit)
        source.link_to(use, 0, 0)
        palette.link_to(use, 0, 1)
        use.link_to(sink)
        graph.configure()
        colours.pts = 0
        palette.push(colours)
        palette.push(None)
        for stamp in stamps:
            source.push(self._read(stamp))
            yield from _ready(sink)
        source.push(None)
        yield from _ready(sink)

    def _input(self, graph: Graph) -> Any:
        from av import VideoFormat

        width, height = self._size
        return graph.add_buffer(width=width, height=height, format=VideoFormat("bgra"), time_base=self._unit)

    def _read(self, stamp: int | None) -> VideoFrame:
        import av
        import numpy as np

        width, height = self._size
        pixels = np.frombuffer(self._file.read(width * height * 4), np.uint8).reshape(height, width, 4)
        frame = av.VideoFrame.from_ndarray(pixels, "bgra")
        frame.pts, frame.time_base = stamp, self._unit
        return frame


def _ready(sink: Any) -> Iterator[VideoFrame]:
    """The frames that a graph gives by now."""
    import av

    while True:
        try:
            yield sink.pull()
        except (av.BlockingIOError, av.EOFError):
            return
