"""The small picture of a frame from which scenes are found, equal to that of PySceneDetect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from avstudio_video.libraries import opencv
from avstudio_video.media.planes import plane

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

SIDE = 256
"""The longer side of a small picture, in pixels."""
PLAIN = ("yuv420p", "yuvj420p")
"""Pixel formats whose colours repeat in blocks of 2x2, which swscale converts without interpolation."""


class SmallPictures:
    """Makes the small pictures of one stream, BGR of `(height, width, 3)`.

    OpenCV's bilinear interpolation reads single pixels if a picture shrinks by an odd whole factor. Then only these
    pixels are converted, which gives the same picture in less time.
    """

    def __init__(self) -> None:
        from av.video.reformatter import VideoReformatter

        self._cv2: Any = opencv("Finding scenes")
        self._scaler = VideoReformatter()

    def of(self, frame: VideoFrame) -> Pixels:
        """The small picture of a frame."""
        factor = max(frame.width, frame.height) / SIDE
        if factor < 1:
            return self._converted(frame)
        step = round(factor)
        whole = step == factor and frame.width % step == 0 and frame.height % step == 0
        if whole and step > 1 and step % 2 and frame.format.name in PLAIN:
            return self._sampled(frame, step)
        size = max(1, round(frame.width / factor)), max(1, round(frame.height / factor))
        small: Pixels = self._cv2.resize(self._converted(frame), size, interpolation=self._cv2.INTER_LINEAR)
        return small

    def _converted(self, frame: VideoFrame) -> Pixels:
        import numpy as np

        made = self._scaler.reformat(frame, format="bgr24", interpolation="BICUBIC", threads=1)
        return np.asarray(made.to_ndarray(), np.uint8)

    def _sampled(self, frame: VideoFrame, step: int) -> Pixels:
        """One pixel of each square of `step`, in its middle."""
        import av
        import numpy as np

        rows, columns = (np.arange(step // 2, side, step) for side in (frame.height, frame.width))
        luma, *chroma = (plane(frame, number) for number in range(3))
        wide = np.zeros((len(rows), 2 * len(columns)), np.uint8)
        wide[:, ::2] = luma[step // 2 :: step, step // 2 :: step][: len(rows), : len(columns)]
        tiny = av.VideoFrame(2 * len(columns), len(rows), frame.format.name.replace("420", "422"))
        tiny.color_range, tiny.colorspace = frame.color_range, frame.colorspace
        _fill(tiny, 0, wide)
        for number, colour in enumerate(chroma, 1):
            _fill(tiny, number, colour[rows[:, None] // 2, columns[None] // 2])
        made = self._scaler.reformat(tiny, format="bgra", interpolation="BICUBIC", threads=1).to_ndarray()
        pixels: Pixels = np.ascontiguousarray(made[:, ::2, :3])
        return pixels


def _fill(frame: VideoFrame, number: int, pixels: Pixels) -> None:
    import numpy as np

    found: Any = frame.planes[number]
    target = np.frombuffer(found, np.uint8).reshape(-1, found.line_size)
    target[: found.height, : found.width] = pixels
