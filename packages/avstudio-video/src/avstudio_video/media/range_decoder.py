"""A decoder that takes turns with others in decoding the ranges of a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from avstudio_video.media.ranges import Range, Ranges

Item = TypeVar("Item")

CODECS = {
    "h264", "hevc", "av1", "vp8", "vp9", "mpeg1video", "mpeg2video", "mpeg4", "mjpeg", "prores", "dnxhd",
}  # fmt: skip
"""Codecs whose decoders need nothing from before a key frame."""


class RangesDiffer(Exception):
    """Two decoders do not have the same picture where their ranges meet: one decoder must decode the whole stream."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """A picture that two decoders have in common."""

    frame: VideoFrame

    def agrees(self, other: Meeting) -> bool:
        """Whether the pictures have the same time and the same samples."""
        import numpy as np

        mine, others = _samples(self.frame), _samples(other.frame)
        alike = self.frame.pts == other.frame.pts and len(mine) == len(others)
        return alike and all(map(np.array_equal, mine, others))


class RangeDecoder:
    """Decodes some of the ranges, one after the other."""

    def __init__(self, codec: VideoCodecContext, ranges: Ranges) -> None:
        self._codec, self._ranges = codec, ranges
        self._delay = codec.reorder_depth

    def frames(self, part: Range, *, first: bool) -> Iterator[VideoFrame | Meeting]:
        """The frames of a range in the order shown, and its meetings with the ranges before and after it.

        A picture that two ranges have in common is a frame of the first of them.
        """
        self._restart()
        for frame in self._decoded(part):
            if first:
                yield frame
            if not first or (part.end is not None and frame.pts is not None and frame.pts >= part.end):
                yield Meeting(frame)
            first = True
            del frame  # the decoder can write to its memory again

    def _restart(self) -> None:
        self._codec.flush_buffers()
        self._codec.reorder_depth = self._delay  # flushing forgets it, and frames would come in another order

    def _decoded(self, part: Range) -> Iterator[Any]:
        import av

        for packet in self._ranges.packets(part):
            with suppress(av.FFmpegError):
                yield from self._codec.decode(packet)
        with suppress(av.FFmpegError):
            yield from self._codec.decode(None)


def _samples(frame: VideoFrame) -> list[NDArray[np.uint8]]:
    """What is shown of each plane of a frame, as rows of bytes."""
    import numpy as np

    sizes, found = dict[int, int](), []
    for component in frame.format.components:
        sizes[component.plane] = sizes.get(component.plane, 0) + (component.bits + 7) // 8
    for number, samples in enumerate(frame.planes):
        rows = np.frombuffer(samples, np.uint8).reshape(-1, samples.line_size)  # type: ignore[call-overload]
        found.append(rows[: samples.height, : samples.width * sizes.get(number, 1)])
    return found


def stitched(items: Iterable[Item | Meeting]) -> Iterator[Item]:
    """The items between the meetings. Raises `RangesDiffer` unless two meetings that follow each other agree."""
    left: Meeting | None = None
    for item in items:
        if not isinstance(item, Meeting):
            if left:
                raise RangesDiffer
            yield item
        elif left is None:
            left = item
        elif left.agrees(item):
            left = None
        else:
            raise RangesDiffer
    if left:
        raise RangesDiffer
