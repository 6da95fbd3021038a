"""How sharp the pictures of scenes are, and how much they move."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from avstudio_video.libraries import opencv

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

USUAL = 90
"""The percentile of a scene's sharpness with which its frames are compared."""
BLURRED = 0.5
"""A frame with less than this part of it is blurred."""


class SceneLook:
    """Two numbers for each frame, from its small picture."""

    def __init__(self) -> None:
        self._cv2: Any = opencv("Measuring sharpness and motion")
        self._sharpness, self._motion = array("f"), array("f")
        self._last: Any = None

    def feed(self, pixels: Pixels) -> None:
        """Look at the small picture of the next frame, in BGR.

        Its sharpness is the variance of the Laplacian of its grey values (Pech-Pacheco 2000).
        """
        grey = self._cv2.cvtColor(pixels, self._cv2.COLOR_BGR2GRAY)
        _, deviation = self._cv2.meanStdDev(self._cv2.Laplacian(grey, self._cv2.CV_16S))
        self._sharpness.append(float(deviation[0, 0]) ** 2)
        alike = self._last is not None and self._last.shape == grey.shape
        moved = self._cv2.norm(grey, self._last, self._cv2.NORM_L1) / grey.size if alike else 0.0
        self._motion.append(moved)
        self._last = grey

    def of(self, start: int, end: int) -> dict[str, float]:
        """The sharpness, the part of blurred frames and the motion of a scene with the frames from `start` to `end`."""
        import numpy as np

        sharpness = np.array(self._sharpness[start:end])
        motion = self._motion[start + 1 : end]  # the first difference is that of the cut
        return {
            "sharpness": float(np.median(sharpness)),
            "blurred": float((sharpness < BLURRED * np.percentile(sharpness, USUAL)).mean()),
            "motion": float(np.mean(motion)) if len(motion) else 0.0,
        }
