"""The range of decoded sound: refuses impossible values, and scales integers that were stored as floats to −1 to 1."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self

from avstudio_audio.media.progress import Warn
from avstudio_core.errors import UnreadableMedia

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Pieces = Iterable["NDArray[np.float32]"]
FAR_BEYOND = 32.0
"""No mix has a peak this far above full scale (30 dB)."""
INTEGERS = {16: 2.0**15, 24: 2.0**23, 32: 2.0**31}
"""The full scale of integer samples by their bits; some programs store these integers as floats."""
OVER = 1.5
"""Some programs exceed the range of integers a little."""
CONSTANT = 0.1
"""Seconds of one value from which it is an offset and no longer a click."""
USUAL = 0.99
"""The quantile of the samples that are not zero that counts as their usual level; much higher values are invalid."""
STEPS = 8
"""Steps an octave in which levels are counted."""


class InputRange:
    """Checks all samples of a file, and scales floats in the range of integers to full scale."""

    def __init__(self, path: Path, start: float, rate: int) -> None:
        """`start` is the time of the first sample, in seconds."""
        self._path, self._start, self._rate = path, start, rate
        self._bits: int | None = None
        self._reset()

    def _reset(self) -> None:
        self.peak = 0.0
        self._lowest, self._highest = math.inf, -math.inf
        self._loudest = self._position = 0

    def measured(self, read: Callable[[], Pieces]) -> Self:
        """Decide whether to scale, by reading all sound before it is used. Raises `UnreadableMedia`."""
        for _ in self._watched(read()):
            pass
        if self.peak > FAR_BEYOND:
            self._bits = self._bits_of(_usual_level(read()))
        self._level = self.peak
        self._reset()
        return self

    def scaled(self, pieces: Pieces) -> Iterator[NDArray[np.float32]]:
        """The pieces in the range of −1 to 1.

        Raises `UnreadableMedia` for NaN and infinity, which would spread through every filter, and for values that
        are impossible for sound.
        """
        import numpy as np

        factor = np.float32(1 / INTEGERS[self._bits]) if self._bits else None
        for piece in self._watched(pieces):
            if factor is None and self.peak > FAR_BEYOND:
                raise self._impossible()
            yield piece if factor is None else piece * factor

    def report(self, warn: Warn) -> None:
        """After the last piece, warn if the sound was scaled (`rescaled`), or is one value (`constant`)."""
        if self._lowest == self._highest != 0 and self._position > CONSTANT * self._rate:
            warn("constant", f"'{self._path}' has no sound: all its samples have the value {self._lowest:g}.")
        if self._bits is None:
            return
        message = f"its samples are floats in the range of {self._bits}-bit integers, and are scaled to −1 to 1."
        warn("rescaled", f"{self._reached(self._level)}: {message}")

    def _watched(self, pieces: Pieces) -> Iterator[NDArray[np.float32]]:
        for piece in pieces:
            if piece.shape[1]:
                low, high = float(piece.min()), float(piece.max())
                peak = max(high, -low)
                if not math.isfinite(peak):
                    self._refuse_not_finite(piece)
                if peak > self.peak:
                    self.peak, self._loudest = peak, self._position
                self._lowest, self._highest = min(self._lowest, low), max(self._highest, high)
                self._position += piece.shape[1]
            yield piece

    def _bits_of(self, usual: float) -> int:
        bits = next((bits for bits, full in INTEGERS.items() if usual <= OVER * full), None)
        if bits is None or usual <= OVER or self.peak > OVER * INTEGERS[bits]:
            raise self._impossible()
        return bits

    def _impossible(self) -> UnreadableMedia:
        near = f"near {self._time(self._loudest):.3f} s, which is impossible for sound."
        hint = "Full scale is −1 to 1. Repair the value, or leave out that part."
        return UnreadableMedia(f"{self._reached(self.peak)} {near}", hint=hint)

    def _reached(self, peak: float) -> str:
        return f"'{self._path}' reaches {20 * math.log10(peak):+.0f} dBFS"

    def _refuse_not_finite(self, piece: NDArray[np.float32]) -> None:
        from avstudio_audio.media.samples import first_not_finite

        time = self._time(self._position + (first_not_finite(piece) or 0))
        message = f"'{self._path}' contains values that are not numbers (NaN, infinity), the first at {time:.3f} s."
        raise UnreadableMedia(message, hint="Export the sound again, or replace those values by zeros.")

    def _time(self, position: int) -> float:
        return self._start + position / self._rate


def _usual_level(pieces: Pieces) -> float:
    """The `USUAL` quantile of the levels that are not zero, rounded up to a step; 0 for silence."""
    import numpy as np

    exponents = np.arange(-150, 129 + 1 / STEPS, 1 / STEPS)
    counts = np.zeros(len(exponents) - 1)
    for piece in pieces:
        counts += np.histogram(np.log2(np.abs(piece[piece != 0])), exponents)[0]
    if not counts.any():
        return 0.0
    return float(2.0 ** exponents[1:][np.searchsorted(counts.cumsum(), USUAL * counts.sum())])
