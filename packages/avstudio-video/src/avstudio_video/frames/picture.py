"""A decoded frame, and its shape in the answer."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from avstudio_core.errors import InvalidInput
from avstudio_video.media.streams import display_size, square_size

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

Fit = Literal["contain", "cover", "stretch"]
Crop = tuple[int, int, int, int]
"""x, y, width and height in pixels of the upright picture."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One decoded frame; `pixels` are RGB of `(height, width, 3)`, as they are stored."""

    stamp: int
    """Its time stamp, in units of the stream's time base."""
    frame: VideoFrame
    corrupt: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """How a stored picture becomes the wanted one: turned, cropped, with square pixels, scaled."""

    rotation: int = 0
    """Counter-clockwise, in degrees."""
    aspect: Fraction = Fraction(1)
    """Width of a pixel to its height."""
    crop: Crop | None = None
    width: int | None = None
    height: int | None = None
    fit: Fit = "contain"

    def pixels(self, frame: VideoFrame, scaler: VideoReformatter) -> Pixels:
        """The wanted picture of a frame, RGB of `(height, width, 3)`. Raises `InvalidInput` for a crop outside it."""
        import numpy as np

        turned = self.rotation % 360 // 90
        square = square_size(frame.width, frame.height, self.aspect)
        if not turned and self.crop is None and self.fit != "cover":
            return self._scaled(frame, self._size(*square), scaler)
        pixels = np.rot90(self._scaled(frame, square, scaler), turned)
        pixels = _cropped(pixels, self.crop) if self.crop else pixels
        if self.fit == "cover" and self.width and self.height:
            pixels = _covering(pixels, self.width, self.height)
        return _resized(pixels, self._size(pixels.shape[1], pixels.shape[0]), scaler)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The size of the wanted picture, for a stored size."""
        if self.crop:
            _, _, width, height = self.crop
        else:
            width, height = display_size(*square_size(width, height, self.aspect), self.rotation)
        return self._size(width, height)

    def _size(self, width: int, height: int) -> tuple[int, int]:
        if self.width and self.height and self.fit in ("stretch", "cover"):
            return self.width, self.height
        factors = [wanted / given for wanted, given in ((self.width, width), (self.height, height)) if wanted]
        factor = min(factors, default=1.0)
        return max(1, round(width * factor)), max(1, round(height * factor))

    def _scaled(self, frame: VideoFrame, size: tuple[int, int], scaler: VideoReformatter) -> Pixels:
        import numpy as np

        smooth = "AREA" if size[0] < frame.width else "BICUBIC"
        exact = size == (frame.width, frame.height)
        made = scaler.reformat(frame, *size, "rgb24", interpolation=None if exact else smooth, threads=1)
        return np.asarray(made.to_ndarray(), np.uint8)


def _cropped(pixels: Pixels, crop: Crop) -> Pixels:
    x, y, width, height = crop
    if x + width > pixels.shape[1] or y + height > pixels.shape[0]:
        message = (
            f"The crop '{x},{y},{width},{height}' is outside the picture of {pixels.shape[1]}x{pixels.shape[0]} pixels."
        )
        raise InvalidInput(message, hint="It is x, y, width and height in pixels of the upright picture.")
    return pixels[y : y + height, x : x + width]


def _covering(pixels: Pixels, width: int, height: int) -> Pixels:
    """The middle of a picture that has the proportions of `width` and `height`."""
    rows, columns = pixels.shape[:2]
    wide = columns / rows / (width / height)
    kept_columns = max(1, round(columns / wide)) if wide > 1 else columns
    kept_rows = max(1, round(rows * wide)) if wide < 1 else rows
    top, left = (rows - kept_rows) // 2, (columns - kept_columns) // 2
    return pixels[top : top + kept_rows, left : left + kept_columns]


def _resized(pixels: Pixels, size: tuple[int, int], scaler: VideoReformatter) -> Pixels:
    import av
    import numpy as np

    if size == (pixels.shape[1], pixels.shape[0]):
        return np.ascontiguousarray(pixels)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
    smooth = "AREA" if size[0] < pixels.shape[1] else "BICUBIC"
    made = scaler.reformat(frame, *size, "rgb24", interpolation=smooth, threads=1)
    return np.asarray(made.to_ndarray(), np.uint8)
