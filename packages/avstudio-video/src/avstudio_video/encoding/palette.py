"""The frames of a GIF, in the 256 colours that suit the whole clip."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import InvalidInput

if TYPE_CHECKING:
    from fractions import Fraction

    from av.video.frame import VideoFrame

MOST_PIXELS = 150_000_000
"""Of all frames: they are in memory until the palette is known, with four bytes each."""


class Palette:
    """Takes all frames, then gives them back with a palette."""

    def __init__(self, width: int, height: int, unit: Fraction) -> None:
        from av import VideoFormat
        from av.filter import Graph

        graph = Graph()
        self._source = graph.add_buffer(width=width, height=height, format=VideoFormat("bgra"), time_base=unit)
        split, colours, use = graph.add("split"), graph.add("palettegen"), graph.add("paletteuse")
        self._sink: Any = graph.add("buffersink")
        self._source.link_to(split)
        for before, after, output, input_ in ((split, colours, 0, 0), (split, use, 1, 0), (colours, use, 0, 1)):
            before.link_to(after, output, input_)
        use.link_to(self._sink)
        graph.configure()
        self._graph, self._size, self._pixels = graph, (width, height), 0

    def add(self, frame: VideoFrame) -> None:
        """Take the next frame, of `bgra`. Raises `InvalidInput` if the clip is too large."""
        self._pixels += frame.width * frame.height
        if self._pixels > MOST_PIXELS:
            width, height = self._size
            message = (
                f"A GIF of {width}x{height} pixels can have {MOST_PIXELS // (width * height)} frames at most here."
            )
            raise InvalidInput(message, hint="Make it shorter or smaller, with fewer frames per second, or as 'webp'.")
        self._source.push(frame)

    def frames(self) -> Iterator[VideoFrame]:
        """All frames, of `pal8`."""
        import av

        self._source.push(None)
        while True:
            try:
                yield self._sink.pull()
            except (av.BlockingIOError, av.EOFError):
                return
