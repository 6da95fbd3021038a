"""The scores of frames by which cuts are found, equal to those of PySceneDetect."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from avstudio_video.libraries import opencv

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

BINS = 128
"""Bins of a histogram of luma."""
HASH_SIDE, LOWPASS = 8, 2
"""Bits of a side of a perceptual hash, and the part of the frequencies that is left out."""


class Score(ABC):
    """Gives a number to each frame, from its small picture in BGR and the one before it."""

    def __init__(self) -> None:
        self._cv2: Any = opencv("Finding scenes")
        self._last: Any = None

    @abstractmethod
    def of(self, pixels: Pixels) -> float:
        """The score of the next frame; the first one has 0 if it is a difference. A fourth component is not used."""


class ContentScore(Score):
    """The mean difference of hue, saturation and value to the frame before, 0 to 255."""

    def __init__(self) -> None:
        super().__init__()
        self._spare: Any = None

    def of(self, pixels: Pixels) -> float:
        hsv = self._cv2.cvtColor(pixels, self._cv2.COLOR_BGR2HSV, self._spare)
        last, self._last = self._last, hsv
        if last is None:
            return 0.0
        count = float(hsv.shape[0] * hsv.shape[1])
        self._spare = self._cv2.absdiff(hsv, last, last)
        hue, saturation, value, _ = self._cv2.sumElems(self._spare)
        return float((hue / count + saturation / count + value / count + 0.0) / 3.0)


class BrightnessScore(Score):
    """The mean of all components, 0 to 255."""

    def of(self, pixels: Pixels) -> float:
        total = sum(self._cv2.sumElems(pixels)[:3])
        return float(total / (3 * pixels.shape[0] * pixels.shape[1]))


class HistogramScore(Score):
    """How little the histogram of luma correlates with that of the frame before, 0 to 2."""

    def of(self, pixels: Pixels) -> float:
        luma = self._cv2.cvtColor(pixels, self._cv2.COLOR_BGR2YUV)[..., 0]
        counts = self._cv2.calcHist([luma.copy()], [0], None, [BINS], [0, 256])
        histogram = self._cv2.normalize(counts, counts).flatten()
        last, self._last = self._last, histogram
        return 0.0 if last is None else 1.0 - float(self._cv2.compareHist(last, histogram, self._cv2.HISTCMP_CORREL))


class HashScore(Score):
    """The part of the bits of a perceptual hash that differ from the frame before, 0 to 1."""

    def of(self, pixels: Pixels) -> float:
        import numpy as np

        bits = self._hash(pixels)
        last, self._last = self._last, bits
        return 0.0 if last is None else float(np.count_nonzero(bits != last) / HASH_SIDE**2)

    def _hash(self, pixels: Pixels) -> NDArray[np.bool_]:
        """Whether each low frequency of the grey picture is above the median (Zauner 2010)."""
        import numpy as np

        side = HASH_SIDE * LOWPASS
        grey = self._cv2.cvtColor(pixels, self._cv2.COLOR_BGR2GRAY)
        tiny = self._cv2.resize(grey, (side, side), interpolation=self._cv2.INTER_AREA)
        spectrum = self._cv2.dct(np.float32(tiny) / (tiny.max() or 1))[:HASH_SIDE, :HASH_SIDE]
        above: NDArray[np.bool_] = spectrum > np.median(spectrum)
        return above
