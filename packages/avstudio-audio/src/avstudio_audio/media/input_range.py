"""The range of decoded sound: refuses impossible values, and scales integers that were stored as floats to −1 to 1."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_audio.media.progress import Warn
from avstudio_core.errors import UnreadableMedia

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FAR_BEYOND = 32.0
"""No mix has a peak this far above full scale (30 dB)."""
INTEGERS = {16: 2.0**15, 24: 2.0**23, 32: 2.0**31}
"""The full scale of integer samples by their bits; some programs store these integers as floats."""
OVER = 1.5
"""Resampling can exceed the highest sample by up to 3 dB."""
USUAL = 0.99
"""The quantile of the samples that are not zero that counts as their usual level; much higher values are invalid."""


class InputRange:
    """Checks all samples of a file, and then scales floats in the range of integers to full scale."""

    def __init__(self, path: Path, start: float, rate: int) -> None:
        """`start` is the time of the first sample, in seconds."""
        self._path, self._start, self._rate = path, start, rate
        self.peak = 0.0
        self._loudest = self._position = 0

    def watch(self, pieces: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """The same pieces. Raises `UnreadableMedia` for NaN or infinity, which would spread through every filter."""
        for piece in pieces:
            if piece.shape[1]:
                peak = max(float(piece.max()), -float(piece.min()))
                if not math.isfinite(peak):
                    self._refuse_not_finite(piece)
                if peak > self.peak:
                    self.peak, self._loudest = peak, self._position
                self._position += piece.shape[1]
            yield piece

    def settle(self, data: NDArray[np.float32], warn: Warn) -> None:
        """Scale the decoded sound if necessary (`rescaled`). Raises `UnreadableMedia`."""
        import numpy as np

        if self.peak <= FAR_BEYOND:
            return
        levels = np.abs(data[data != 0])
        usual = float(np.quantile(levels, USUAL, overwrite_input=True)) if levels.size else 0.0
        bits = next((bits for bits, full in INTEGERS.items() if usual <= OVER * full), None)
        level = f"'{self._path}' reaches {20 * math.log10(self.peak):+.0f} dBFS"
        if bits is None or usual <= OVER or self.peak > OVER * INTEGERS[bits]:
            raise UnreadableMedia(
                f"{level} near {self._time(self._loudest):.3f} s, which is impossible for sound.",
                hint="Full scale is −1 to 1. Repair the value, or leave out that part.",
            )
        data *= np.float32(1 / INTEGERS[bits])
        warn(
            "rescaled",
            f"{level}: its samples are floats in the range of {bits}-bit integers, and are scaled to −1 to 1.",
        )

    def _refuse_not_finite(self, piece: NDArray[np.float32]) -> None:
        from avstudio_audio.media.samples import first_not_finite

        time = self._time(self._position + (first_not_finite(piece) or 0))
        raise UnreadableMedia(
            f"'{self._path}' contains values that are not numbers (NaN, infinity), the first at {time:.3f} s."
        )

    def _time(self, position: int) -> float:
        return self._start + position / self._rate
