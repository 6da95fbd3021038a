"""Ways to make a frame small with OpenCV's bilinear interpolation, which reads only some of the pixels.

Each converts what is read as swscale would convert the whole frame, so all give the same picture.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from avstudio_video.media.planes import planes

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

SIDE = 256
"""The longer side of a small picture, in pixels."""
PLAIN = ("yuv420p", "yuvj420p")
"""Pixel formats whose colours repeat in blocks of 2x2; at even heights, swscale converts them without interpolation."""
FEW = 0.55
"""The part of the rows below which it is faster to gather them before they are converted."""
NEIGHBOURS = (0, 0), (0, 1), (1, 0), (1, 1)


def shrinker_for(cv2: Any, width: int, height: int, pixel_format: str) -> Shrinker:
    """The fastest way for frames of a size and a pixel format."""
    factor = max(width, height) / SIDE
    size = (width, height) if factor < 1 else (max(1, round(width / factor)), max(1, round(height / factor)))
    if factor > 1 and pixel_format in PLAIN and not height % 2:
        step = round(factor)
        if step % 2 and (width, height) == (size[0] * step, size[1] * step):
            return SinglePixels(cv2, size, step, pixel_format)
        rows = rows_read(height, size[1])
        if len(rows) < FEW * height:
            return SomeRows(cv2, size, width, height, rows, pixel_format)
    return WholeFrame(cv2, size)


def rows_read(height: int, small: int) -> NDArray[np.intp]:
    """The rows of a picture that are read when its height is reduced to `small`."""
    import numpy as np

    places = (np.arange(small) + 0.5) * (height / small) - 0.5
    above = np.floor(places).astype(np.intp)
    return np.unique(np.concatenate([above, above + (places > above)]).clip(0, height - 1))


class Shrinker(ABC):
    """Makes frames of one size and pixel format small."""

    def __init__(self, cv2: Any, size: tuple[int, int]) -> None:
        from av.video.reformatter import Interpolation, VideoReformatter

        self._cv2, self._size, self._scaler = cv2, size, VideoReformatter()
        self._bicubic = Interpolation.BICUBIC

    @abstractmethod
    def of(self, frame: VideoFrame) -> Pixels:
        """The small picture of a frame until the next one: BGR of `(height, width, 3)`, or with 4 components.

        The fourth one stays out of use: to leave it out takes longer than to let OpenCV skip it.
        """

    def _converted(self, frame: VideoFrame, pixel_format: str) -> Pixels:
        made: Any = self._scaler.reformat(frame, format=pixel_format, interpolation=self._bicubic, threads=1)
        pixels: Pixels = made.to_ndarray()
        return pixels

    def _resized(self, pixels: Pixels) -> Pixels:
        if pixels.shape[1::-1] == self._size:
            return pixels
        small: Pixels = self._cv2.resize(pixels, self._size, interpolation=self._cv2.INTER_LINEAR)
        return small


class WholeFrame(Shrinker):
    """Converts all pixels."""

    def of(self, frame: VideoFrame) -> Pixels:
        return self._resized(self._converted(frame, "bgr24"))


class Gathered(Shrinker):
    """Converts a smaller frame, made of some of the samples, in which each row has colours of its own."""

    def __init__(self, cv2: Any, size: tuple[int, int], width: int, height: int, pixel_format: str) -> None:
        import av

        super().__init__(cv2, size)
        self._gathered = av.VideoFrame(width, height, pixel_format.replace("420", "422"))
        self._targets = planes(self._gathered)

    def _described(self, frame: VideoFrame) -> VideoFrame:
        """The smaller frame, with the kind of colours of another."""
        self._gathered.color_range, self._gathered.colorspace = frame.color_range, frame.colorspace
        return self._gathered


class SomeRows(Gathered):
    """Converts the rows that are read, and leaves those between them black."""

    def __init__(
        self, cv2: Any, size: tuple[int, int], width: int, height: int, rows: NDArray[np.intp], pixel_format: str
    ) -> None:
        import numpy as np

        super().__init__(cv2, size, width, len(rows), pixel_format)
        self._rows = rows, rows // 2, rows // 2
        self._picture = np.zeros((height, width, 3), np.uint8)

    def of(self, frame: VideoFrame) -> Pixels:
        for source, target, rows in zip(planes(frame), self._targets, self._rows, strict=True):
            target[:] = source[rows]
        self._picture[self._rows[0]] = self._converted(self._described(frame), "bgr24")
        return self._resized(self._picture)


class SinglePixels(Gathered):
    """Converts one pixel of each square of `step`, an odd number, in its middle.

    They are converted as a frame of twice the width, in which each has colours of its own.
    """

    def __init__(self, cv2: Any, size: tuple[int, int], step: int, pixel_format: str) -> None:
        import numpy as np

        wide, high, middle = 2 * size[0], size[1], step // 2
        super().__init__(cv2, size, wide, high, pixel_format)
        luma, *colours = self._targets
        places = middle // 2, (middle + step) // 2
        self._moves = [(0, luma[:, ::2], slice(middle, None, step), slice(middle, None, step))]
        for row, column in NEIGHBOURS:  # of two neighbours, each has its own distance to the next
            down, right = slice(places[row], step * len(range(row, high, 2)), step), slice(places[column], None, step)
            self._moves += [(number, one[row::2, column::2], down, right) for number, one in enumerate(colours, 1)]
        self._narrow = np.empty((high, size[0]), np.uint32)

    def of(self, frame: VideoFrame) -> Pixels:
        sources = planes(frame)
        for number, target, down, right in self._moves:
            target[:] = sources[number][down, right]
        wide = self._converted(self._described(frame), "bgra")
        self._narrow[:] = wide.view("uint32")[:, ::2, 0]
        return self._narrow.view("uint8").reshape(*self._narrow.shape, 4)
