"""Pictures of any file, brought upright to one size and pixel format."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

TURNS: dict[int, list[tuple[str, str]]] = {
    0: [],
    90: [("transpose", "cclock")],
    180: [("hflip", ""), ("vflip", "")],
    270: [("transpose", "clock")],
}
"""FFmpeg's filters for counter-clockwise turns by so many degrees."""


@dataclass
class Canvas:
    """A size, with the shape of its pixels, to which all frames are brought: whole, with black beside them."""

    width: int
    height: int
    aspect: Fraction
    """Width of a pixel to its height."""
    pixels: str
    """FFmpeg's name of the pixel format."""
    _graphs: dict[Any, tuple[Any, Any, Any]] = field(default_factory=dict)

    def put(self, frame: VideoFrame, rotation: int, aspect: Fraction) -> VideoFrame:
        """A frame as it is stored, upright and in the size of the canvas; `aspect` is that of its pixels."""
        turned = 1 / aspect if rotation % 180 else aspect
        same = (frame.width, frame.height, frame.format.name) == (self.width, self.height, self.pixels)
        if same and rotation % 360 == 0 and turned == self.aspect:
            return frame
        key = (frame.width, frame.height, frame.format.name, rotation, aspect)
        if key not in self._graphs:
            self._graphs[key] = self._graph(frame, rotation % 360, turned)
        _, source, sink = self._graphs[key]
        source.push(frame)
        made: VideoFrame = sink.pull()
        return made

    def _graph(self, frame: VideoFrame, rotation: int, aspect: Fraction) -> tuple[Any, Any, Any]:
        from av.filter import Graph

        graph = Graph()
        source: Any = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000)
        )
        last = source
        for name, options in [*TURNS[round(rotation / 90) * 90 % 360], *self._fit(frame, rotation, aspect)]:
            node = graph.add(name, options) if options else graph.add(name)
            last.link_to(node)
            last = node
        sink = graph.add("buffersink")
        last.link_to(sink)
        graph.configure()
        return graph, source, sink

    def _fit(self, frame: VideoFrame, rotation: int, aspect: Fraction) -> list[tuple[str, str]]:
        """The filters that scale and pad an upright frame, whose pixels have the aspect `aspect`."""
        width, height = (frame.height, frame.width) if rotation % 180 else (frame.width, frame.height)
        wide = width * aspect / self.aspect
        if (width // 2 * 2, height // 2 * 2) == (self.width, self.height) and wide == width:
            crop = [("crop", f"{self.width}:{self.height}:0:0")] if (width, height) != (self.width, self.height) else []
            return [*crop, ("format", self.pixels)]
        factor = min(self.width / wide, Fraction(self.height, height))
        size = [
            max(2, min(most, round(side * factor / 2) * 2))
            for side, most in ((wide, self.width), (height, self.height))
        ]
        x, y = ((most - side) // 4 * 2 for side, most in zip(size, (self.width, self.height), strict=True))
        return [
            ("scale", f"{size[0]}:{size[1]}:flags=lanczos"),
            ("format", self.pixels),
            ("pad", f"{self.width}:{self.height}:{x}:{y}"),
        ]


def even(size: tuple[int, int]) -> tuple[int, int]:
    """The size without its last odd column and row, which most pixel formats cannot have."""
    return max(2, size[0] // 2 * 2), max(2, size[1] // 2 * 2)
