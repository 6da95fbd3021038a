"""How sharp the pictures of scenes are, and how much they move."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, NamedTuple

from avstudio_video.libraries import opencv

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

USUAL = 90
"""The percentile of a scene's sharpness with which its frames are compared."""
BLURRED = 0.5
"""A frame with less than this part of it is blurred."""


class FrameLook(NamedTuple):
    """How a frame looks beside the one before it."""

    sharpness: float
    """The variance of the Laplacian of its grey values (Pech-Pacheco 2000)."""
    motion: float
    """The mean difference of grey values, 0 to 255."""


class FrameLooks:
    """Measures frames that follow each other."""

    def __init__(self) -> None:
        self._cv2: Any = opencv("Measuring sharpness and motion")
        self._last: Any = None

    def of(self, pixels: Pixels) -> FrameLook:
        """The look of the next frame, from its small picture in BGR."""
        grey = self._cv2.cvtColor(pixels, self._cv2.COLOR_BGR2GRAY)
        _, deviation = self._cv2.meanStdDev(self._cv2.Laplacian(grey, self._cv2.CV_16S))
        alike = self._last is not None and self._last.shape == grey.shape
        moved = self._cv2.norm(grey, self._last, self._cv2.NORM_L1) / grey.size if alike else 0.0
        self._last = grey
        return FrameLook(float(deviation[0, 0]) ** 2, moved)


class SceneLook:
    """Keeps two numbers for each frame."""

    def __init__(self) -> None:
        self._sharpness, self._motion = array("f"), array("f")

    def feed(self, look: FrameLook) -> None:
        """Note the look of the next frame."""
        self._sharpness.append(look.sharpness)
        self._motion.append(look.motion)

    def of(self, start: int, end: int) -> dict[str, float]:
        """The sharpness, the part of blurred frames and the motion of a scene with the frames from `start` to `end`.

        Nothing if frames were not measured.
        """
        import numpy as np

        if not self._sharpness:
            return {}
        sharpness = np.array(self._sharpness[start:end])
        motion = self._motion[start + 1 : end]  # the first difference is that of the cut
        return {
            "sharpness": float(np.median(sharpness)),
            "blurred": float((sharpness < BLURRED * np.percentile(sharpness, USUAL)).mean()),
            "motion": float(np.mean(motion)) if len(motion) else 0.0,
        }
