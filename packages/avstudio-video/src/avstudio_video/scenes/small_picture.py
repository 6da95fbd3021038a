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

NEIGHBOURS = (0, 0), (0, 1), (1, 0), (1, 1)


class SmallPictures:
    """Makes the small pictures of one stream, BGR of `(height, width, 3)`.

    OpenCV's bilinear interpolation reads single pixels if a picture shrinks by an odd whole factor. Then only these
    pixels are converted, which gives the same picture in less time.
    """

    def __init__(self) -> None:
        from av.video.reformatter import VideoReformatter

        self._cv2: Any = opencv("Finding scenes")
        self._scaler = VideoReformatter()
        self._tiny: VideoFrame | None = None
        self._targets: list[Pixels] = []
        """The planes of the frame that is converted."""

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
        """One pixel of each square of `step`, in its middle.

        They are converted as a frame of twice the width, in which each has colours of its own.
        """
        import av
        import numpy as np

        wide, high, middle = 2 * (frame.width // step), frame.height // step, step // 2
        tiny = self._tiny
        if tiny is None or (tiny.width, tiny.height) != (wide, high):
            tiny = self._tiny = av.VideoFrame(wide, high, frame.format.name.replace("420", "422"))
            self._targets = [plane(tiny, number) for number in range(3)]
        tiny.color_range, tiny.colorspace = frame.color_range, frame.colorspace
        self._targets[0][:, ::2] = plane(frame, 0)[middle::step, middle::step]
        places = middle // 2, (middle + step) // 2
        for number in (1, 2):
            colour, target = plane(frame, number), self._targets[number]
            for row, column in NEIGHBOURS:  # of two neighbours, each has its own distance to the next
                down, right = places[row], places[column]
                target[row::2, column::2] = colour[down::step, right::step][: (high - row + 1) // 2]
        made = np.asarray(self._scaler.reformat(tiny, format="bgra", interpolation="BICUBIC", threads=1).to_ndarray())
        narrow = np.ascontiguousarray(made.view(np.uint32)[:, ::2, 0]).view(np.uint8).reshape(high, wide // 2, 4)
        pixels: Pixels = self._cv2.cvtColor(narrow, self._cv2.COLOR_BGRA2BGR)
        return pixels
